// Walks the trees one after the other, ROWS rows side by side so that their memory accesses overlap.

// A leaf is 0 away from its right child and stays where it is, whatever the comparison says.
inline int step_from(Node node, int key) {
    int right = RIGHT(node);
    return (int)((uint)key + (node.y & 1)) <= (int)node.x ? min(right, 1) : right;
}

kernel void forest_traverse(global const float *values, ulong row_stride, ulong feature_stride, ulong first_row,
                            ulong n_rows, global const int *columns, int n_columns, global const Node *nodes,
                            global const int *roots, global const int *depths, int n_trees, global const uint *leaves,
                            SUM whole, SUM margin, global RESULT *results, global uchar *is_close) {
    const ulong first = get_global_id(0) * ROWS;
    const Rows rows = {values + first_row * row_stride, row_stride, feature_stride, n_rows, columns, n_columns};
    SUM sums[STORED * ROWS];
    for (int i = 0; i < STORED * ROWS; i++)
        sums[i] = 0;
#if CAPACITY
    int keys[CAPACITY * ROWS];
    load_keys(&rows, first, keys);
#else
    ulong positions[ROWS];
    for (int row = 0; row < ROWS; row++)
        positions[row] = position_of(&rows, first + row);
#endif
    for (int tree = 0; tree < n_trees; tree++) {
        int at[ROWS];
        for (int row = 0; row < ROWS; row++)
            at[row] = roots[tree];
        int moved = depths[tree];
        while (moved) {
            moved = 0;
            for (int row = 0; row < ROWS; row++) {
                const Node node = nodes[at[row]];
#if CAPACITY
                const int step = step_from(node, keys[SLOT(node) * ROWS + row]);
#else
                const float value = rows.values[positions[row] + columns[SLOT(node)] * feature_stride];
                const int step = step_from(node, order_key(value));
#endif
                at[row] += step;
                moved |= step;
            }
        }
        for (int row = 0; row < ROWS; row++)
            for (int class = 0; class < STORED; class++)
                sums[class * ROWS + row] += leaves[nodes[at[row]].x * STORED + class];
    }
    const Decision decision = {whole, margin, n_rows, results, is_close};
    for (int row = 0; row < ROWS; row++)
        if (first + row < n_rows)
            decide(&decision, sums, row, first + row);
}
