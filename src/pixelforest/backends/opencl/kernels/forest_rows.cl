// Rows of a table, or pixels of a block, as keys in the memory of one work-item.
// CAPACITY: slots there is room for, 0 if features are read in place. ROWS: rows per work-item.

typedef struct {
    global const float *values; // the first row of this launch
    ulong row_stride, feature_stride, n_rows;
    global const int *columns;
    int n_columns;
} Rows;

inline ulong position_of(const Rows *rows, ulong row) {
    return min(row, rows->n_rows - 1) * rows->row_stride; // rows past the end are computed and not stored
}

#if CAPACITY
#if ROWS % 16 == 0
inline int16 order_keys(float16 values) {
    int16 bits = as_int16(values);
    int16 keys = bits ^ ((bits >> 31) & 0x7fffffff);
    return select(keys, (int16)(INT_MAX), (bits & 0x7fffffff) > 0x7f800000);
}
#endif

#if ROWS % 16 == 0
// Keys of `count` consecutive rows from `start` on; the rest of the 16 repeats a row that exists.
inline int16 load_vector(const Rows *rows, int slot, ulong start, int count) {
    global const float *column = rows->values + rows->columns[slot] * rows->feature_stride;
    if (rows->row_stride == 1 && count == 16)
        return order_keys(vload16(0, column + start));
    int keys[16];
    for (int lane = 0; lane < 16; lane++)
        keys[lane] = order_key(column[position_of(rows, start + min(lane, max(count - 1, 0)))]);
    return vload16(0, keys);
}
#endif

// Fills keys[slot * ROWS + row].
inline void load_keys(const Rows *rows, ulong first, int *keys) {
#if ROWS % 16 == 0
    if (rows->row_stride == 1 && first + ROWS <= rows->n_rows) {
        for (int slot = 0; slot < rows->n_columns; slot++) {
            global const float *column = rows->values + rows->columns[slot] * rows->feature_stride + first;
            for (int row = 0; row < ROWS; row += 16)
                vstore16(order_keys(vload16(0, column + row)), 0, keys + slot * ROWS + row);
        }
        return;
    }
#endif
    for (int row = 0; row < ROWS; row++) {
        global const float *values = rows->values + position_of(rows, first + row);
        for (int slot = 0; slot < rows->n_columns; slot++)
            keys[slot * ROWS + row] = order_key(values[rows->columns[slot] * rows->feature_stride]);
    }
}
#endif
