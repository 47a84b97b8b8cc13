// Tiles of pixels walk each tree together, because neighbours mostly take the same path. The walk goes level by level:
// an entry of the list is a node and the pixels of one cell that reach it. Both children are always written, behind
// each other, and the end of the list moves only past those that some pixel reaches, so nothing is left to predict;
// several trees share the list, so that it is long.
// First, the ranges of the features in the tile lead past nodes that all its pixels pass on the same side. Where only
// labels are asked for, pixels whose class is certain leave.

#define IS_LEAF 0x80000000u
#define ROOM (TREES_AT_ONCE * CELLS * 128 + 2) // masks of a tree do not overlap: one entry per pixel at most

typedef uint4 Node;  // key, slot << 1 | missing, left, right; a leaf is its row | IS_LEAF
typedef uint8 Entry; // the pixels, 16 bytes; the node; the cell; the first sum

// Ranges of the whole tile, from those of its cells.
inline void join_ranges(const Tile *tile, local const int *lowest, local const int *highest, int *tile_lowest,
                        int *tile_highest) {
    for (int slot = 0; slot < tile->n_columns; slot++) {
        int low = lowest[slot], high = highest[slot];
        for (int cell = 1; cell < CELLS; cell++) {
            low = min(low, lowest[cell * CAPACITY + slot]);
            high = max(high, highest[cell * CAPACITY + slot]);
        }
        tile_lowest[slot] = low;
        tile_highest[slot] = high;
    }
}

// Where all keys in a range go: 1 left, 2 right, 0 both ways, or NaN that a range does not describe.
inline int side_of(int lowest, int highest, uint2 node, int has_missing) {
    const int missing = node.y & 1, threshold = (int)node.x - missing;
    const int known = !(has_missing && missing && highest == INT_MAX); // only then it matters where NaN goes
    return (known & (highest <= threshold)) | (known & (lowest > threshold)) << 1;
}

// The first node, from the root on, that some pixels of the tile pass on the left and some on the right; or a leaf.
inline uint descend(global const Node *nodes, uint at, const int *lowest, const int *highest, int has_missing) {
    while (!(at & IS_LEAF)) {
        const Node node = nodes[at];
        const int slot = node.y >> 1;
        const int side = side_of(lowest[slot], highest[slot], node.xy, has_missing);
        if (!side)
            break;
        at = side == 1 ? node.z : node.w;
    }
    return at;
}

kernel __attribute__((vec_type_hint(int16))) void
forest_coherent(global const VALUE *values, ulong row_stride, ulong feature_stride, ulong first_row, ulong n_rows,
                ulong width, global const int *columns, int n_columns, global const Node *nodes,
                global const uint *roots, global const int *first_sums, int n_trees, global const LEAF *leaves,
                global const SUM *start, SUM tree_sum, SUM margin, global const SUM *swings, global RESULT *results,
                global uchar *is_close, global uint *n_close) {
    local int16 keys[CELLS * CAPACITY * VECTORS];
    local int lowest[CELLS * CAPACITY], highest[CELLS * CAPACITY];
    local Sums sums[CELLS * STORED * VECTORS];
    local int16 winners[CELLS * VECTORS];
    local Entry list_a[ROOM], list_b[ROOM], leaf_entries[ROOM];
    const Tile tile = tile_of(values + first_row * row_stride, row_stride, feature_stride, n_rows, width, columns,
                              n_columns, get_global_id(0));
    const Decision decision = {tree_sum * n_trees, margin, n_rows, results, is_close, n_close};
    uchar16 open[CELLS];
    int tile_lowest[CAPACITY], tile_highest[CAPACITY];
    SUM base[STORED];
    for (int i = 0; i < STORED; i++)
        base[i] = start[i];
    const int has_missing = load_tile(&tile, keys, lowest, highest);
    join_ranges(&tile, lowest, highest, tile_lowest, tile_highest);
    for (int cell = 0; cell < CELLS; cell++)
        open[cell] = pixels_of(&tile, cell);
    for (int i = 0; i < CELLS * STORED * VECTORS; i++)
        sums[i] = 0;
    for (int i = 0; i < CELLS * VECTORS; i++)
        winners[i] = 0;
    int any_open = 1;
    for (int tree = 0; tree < n_trees && any_open; tree += TREES_AT_ONCE) {
        local Entry *entries = list_a, *next_entries = list_b;
        int count = 0, n_leaves = 0;
        const int end = min(tree + TREES_AT_ONCE, n_trees);
        for (int t = tree; t < end; t++) {
            const uint first = descend(nodes, roots[t], tile_lowest, tile_highest, has_missing);
            if (first & IS_LEAF) {
                for (int i = 0; i < LEAF_COLUMNS; i++)
                    base[first_sums[t] + i] += (SUM)leaves[(ulong)(first & ~IS_LEAF) * LEAF_COLUMNS + i];
                continue;
            }
            for (int cell = 0; cell < CELLS; cell++) {
                entries[count] = (Entry)(as_uint4(open[cell]), first, cell, first_sums[t], 0);
                count += any_of(open[cell]);
            }
        }
        while (count) {
            int next = 0;
            for (int i = 0; i < count; i++) {
                const Entry entry = entries[i];
                const uchar16 mask = as_uchar16(entry.lo);
                const Node node = nodes[entry.s4];
                local const int16 *key = keys + (entry.s5 * CAPACITY + (node.y >> 1)) * VECTORS;
                int16 above = 0;   // 8 bits higher than in masks: oclgrind 21.10 takes `true & 1` for all bits
                if (has_missing) { // NaN is the largest key; where it goes left, adding 1 makes it the smallest
                    const uint16 shift = node.y & 1;
                    const int16 threshold = (int)node.x;
#define COMPARE_SHIFTED(u) above |= (as_int16(as_uint16(key[u]) + shift) > threshold) & (256 << u);
                    EACH(COMPARE_SHIFTED)
                } else {
                    const int16 threshold = (int)(node.x - (node.y & 1));
#define COMPARE(u) above |= (key[u] > threshold) & (256 << u);
                    EACH(COMPARE)
                }
                const uchar16 right = mask & convert_uchar16(above >> 8), left = mask & ~right;
                const int left_ends = node.z >> 31, left_is_reached = any_of(left);
                *(left_ends ? leaf_entries + n_leaves : next_entries + next) =
                    (Entry)(as_uint4(left), node.z, entry.s56, 0);
                n_leaves += left_is_reached & left_ends;
                next += left_is_reached & ~left_ends;
                const int right_ends = node.w >> 31, right_is_reached = any_of(right);
                *(right_ends ? leaf_entries + n_leaves : next_entries + next) =
                    (Entry)(as_uint4(right), node.w, entry.s56, 0);
                n_leaves += right_is_reached & right_ends;
                next += right_is_reached & ~right_ends;
            }
            count = next;
            local Entry *done = entries;
            entries = next_entries;
            next_entries = done;
        }
        for (int i = 0; i < n_leaves; i++) {
            const Entry entry = leaf_entries[i];
            const int16 mask = convert_int16(as_uchar16(entry.lo));
            global const LEAF *leaf = leaves + (ulong)(entry.s4 & ~IS_LEAF) * LEAF_COLUMNS;
            local Sums *to = sums + (entry.s5 * STORED + entry.s6) * VECTORS;
#define SELECT(u) const Sums pixels##u = TO_SUMS((mask & (1 << u)) != 0);
            EACH(SELECT)
            for (int column = 0; column < LEAF_COLUMNS; column++) {
                const Sums value = (Sums)((SUM)leaf[column]);
#define ADD(u) to[column * VECTORS + u] += value & pixels##u;
                EACH(ADD)
            }
        }
#if OUTPUT == LABELS
        const int is_last = end == n_trees;
        const SUM to_come = swings[end];
        if (is_last || swings[0] - to_come > to_come) {
            any_open = 0;
            for (int cell = 0; cell < CELLS; cell++) {
                if (!any_of(open[cell]))
                    continue;
                open[cell] = settle(&decision, sums + cell * STORED * VECTORS, base, tree_sum * end, to_come, is_last,
                                    open[cell], winners + cell * VECTORS);
                any_open |= any_of(open[cell]);
            }
        }
#endif
    }
    for (int cell = 0; cell < CELLS; cell++)
        store_cell(&decision, &tile, cell, sums + cell * STORED * VECTORS, base, open[cell], winners + cell * VECTORS);
}
