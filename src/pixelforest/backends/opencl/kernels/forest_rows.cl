// Rows of a table, or pixels of a block, as keys in the memory of one work-item. VALUE: type of the features.
// CAPACITY: slots there is room for, 0 if features are read in place. ROWS: rows per work-item.

typedef struct {
    global const VALUE *values; // the first row of this launch
    ulong row_stride, feature_stride, n_rows;
    global const int *columns;
    int n_columns;
} Rows;

inline ulong position_of(const Rows *rows, ulong row) {
    return min(row, rows->n_rows - 1) * rows->row_stride; // rows past the end are computed and not stored
}

// Fills keys[slot * ROWS + row].
inline void load_keys(const Rows *rows, ulong first, int *keys) {
    for (int row = 0; row < ROWS; row++) {
        global const VALUE *values = rows->values + position_of(rows, first + row);
        for (int slot = 0; slot < rows->n_columns; slot++)
            keys[slot * ROWS + row] = order_key(LOAD_1(values + rows->columns[slot] * rows->feature_stride));
    }
}
