// Walks the trees one after the other, ROWS rows side by side so that their memory accesses overlap. With SHARED_NODES,
// the work-items of a group copy the nodes into local memory first.

#define IS_LEAF 0x80000000u
typedef uint4 Node; // key, slot << 1 | missing, left, right; a leaf is its row | IS_LEAF

kernel void forest_traverse(global const VALUE *values, ulong row_stride, ulong feature_stride, ulong first_row,
                            ulong n_rows, ulong width, global const int *columns, int n_columns,
                            global const Node *nodes, global const uint *roots, global const int *first_sums,
                            int n_trees, global const LEAF *leaves, global const SUM *start, SUM tree_sum, SUM margin,
                            global RESULT *results, global uchar *is_close, global uint *n_close) {
#ifdef SHARED_NODES
    local Node shared[SHARED_NODES];
    for (uint i = get_local_id(0); i < SHARED_NODES; i += get_local_size(0))
        shared[i] = nodes[i];
    barrier(CLK_LOCAL_MEM_FENCE);
#define NODE(i) shared[i]
#else
#define NODE(i) nodes[i]
#endif
    const ulong first = get_global_id(0) * ROWS;
    const Rows rows = {values + first_row * row_stride, row_stride, feature_stride, n_rows, columns, n_columns};
#if OUTPUT != LEAVES
    SUM sums[STORED * ROWS];
    for (int i = 0; i < STORED; i++)
        for (int row = 0; row < ROWS; row++)
            sums[i * ROWS + row] = start[i];
#endif
#if CAPACITY
    int keys[CAPACITY * ROWS];
    load_keys(&rows, first, keys);
#else
    ulong positions[ROWS];
    for (int row = 0; row < ROWS; row++)
        positions[row] = position_of(&rows, first + row);
#endif
    for (int tree = 0; tree < n_trees; tree++) {
        uint at[ROWS];
        for (int row = 0; row < ROWS; row++)
            at[row] = roots[tree];
        uint walking = ~roots[tree] & IS_LEAF;
        while (walking) {
            walking = 0;
            for (int row = 0; row < ROWS; row++) {
                const uint is_leaf = at[row] & IS_LEAF;
                const Node node = NODE(is_leaf ? 0 : at[row]);
#if CAPACITY
                const int key = keys[(node.y >> 1) * ROWS + row];
#else
                const int key = order_key(LOAD_1(rows.values + positions[row] + columns[node.y >> 1] * feature_stride));
#endif
                const uint child = (int)((uint)key + (node.y & 1)) <= (int)node.x ? node.z : node.w;
                at[row] = is_leaf ? at[row] : child;
                walking |= ~at[row] & IS_LEAF;
            }
        }
#if OUTPUT == LEAVES
        for (int row = 0; row < ROWS; row++)
            if (first + row < n_rows)
                results[(first + row) * n_trees + tree] = at[row] & ~IS_LEAF;
#else
        for (int row = 0; row < ROWS; row++)
            for (int column = 0; column < LEAF_COLUMNS; column++)
                sums[(first_sums[tree] + column) * ROWS + row] +=
                    (SUM)leaves[(ulong)(at[row] & ~IS_LEAF) * LEAF_COLUMNS + column];
#endif
    }
#if OUTPUT != LEAVES
    const Decision decision = {tree_sum * n_trees, margin, n_rows, results, is_close, n_close};
    for (int row = 0; row < ROWS; row++)
        if (first + row < n_rows)
            decide(&decision, sums, row, first + row);
#endif
}
