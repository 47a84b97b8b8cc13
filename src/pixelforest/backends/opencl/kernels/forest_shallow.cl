// Shallow trees as perfect ones of depth DEPTH, their nodes in heap order: the children of n are 2 n + 1 and 2 n + 2.
// The ranges of the features, first in the whole tile and then in each cell, lead past the nodes that all pixels pass
// on one side. Often that decides everything: if the least score that the class in front can reach beats the largest
// of all others, no pixel is looked at. What is left of a tree is evaluated without branches: all its nodes compare
// vectors of pixels, `select` picks the leaf. Pixels leave as soon as the trees to come cannot change their class.

#define INNER ((1 << DEPTH) - 1)
#define NODES (2 * INNER + 1)
#define NODE_BITS 5                                        // of an entry: tree << NODE_BITS | node
#define CHUNK 64                                           // trees between two attempts to settle
#define SOME_VECTORS (STORED > 4 ? 1 : STORED > 2 ? 2 : 4) // sums that stay in registers

typedef uint2 Node; // key, slot << 1 | missing

// The first node, from `at` on, that pixels pass on both sides; or a leaf. No branches: they would be mispredicted.
inline uint descend(global const Node *nodes, uint at, const int *lowest, const int *highest, int has_missing) {
#pragma unroll
    for (int level = 0; level < DEPTH; level++) {
        const int is_inner = at < INNER;
        const Node node = nodes[is_inner ? at : 0];
        const int slot = node.y >> 1;
        const uint side = side_of(lowest[slot], highest[slot], node, has_missing);
        at = is_inner && side ? 2 * at + side : at;
    }
    return at;
}

// Scores of all classes, from sums that leave what they leave of `whole`; both bounds.
inline void bounds_of(const SUM *base, SUM whole, SUM *low, SUM *high) {
    SUM rest = whole;
    for (int class = 0; class < CLASSES; class ++) {
#if RULE == SIGN
        low[class] = class ? base[0] : 0;
#else
        low[class] = class < STORED ? base[class] : rest;
        rest -= RULE == COMPLEMENT ? min(low[class], rest) : 0;
#endif
        high[class] = low[class];
    }
}

// Class that is certain to win if scores lie between `low` and `high`; CLASSES if there is none.
inline int certain_winner(const SUM *low, const SUM *high, SUM margin) {
#if OUTPUT == LABELS
    int winner = 0;
    for (int class = 1; class < CLASSES; class ++)
        winner = low[class] > low[winner] ? class : winner;
    for (int class = 0; class < CLASSES; class ++)
        if (class != winner && !(low[winner] > high[class] && low[winner] - high[class] >= margin))
            return CLASSES;
    return winner;
#else
    return CLASSES;
#endif
}

typedef struct {
    global const Node *nodes;
    global const int *first_sums;
    global const LEAF *leaves;
    global const SUM *bounds; // of the leaves below each node: least and largest score of every class
    int has_missing;          // in this tile
} Trees;

// The same for one entry in the ranges of eight cells at once.
inline uchar8 descend_cells(const Trees *trees, uint entry, const int8 *lowest, const int8 *highest) {
    const uint at = entry & ((1 << NODE_BITS) - 1);
    global const Node *nodes = trees->nodes + (entry >> NODE_BITS) * INNER;
    int8 reached = (int8)((int)at);
    for (uint first = at, count = 1; first < INNER; first = 2 * first + 1, count *= 2)
        for (uint n = first; n < first + count; n++) {
            const Node node = nodes[n];
            const int slot = node.y >> 1, missing = node.y & 1, threshold = (int)node.x - missing;
            int8 here = reached == (int)n;
            if (trees->has_missing && missing)
                here &= highest[slot] != INT_MAX;
            reached = select(reached, (int8)((int)(2 * n + 1)), here & (highest[slot] <= threshold));
            reached = select(reached, (int8)((int)(2 * n + 2)), here & (lowest[slot] > threshold));
        }
    return convert_uchar8(reached);
}

#if OUTPUT == LABELS
#define BOUND(trees, entry_tree, entry_node, low, high)                                                                \
    for (int class = 0; class < CLASSES; class ++) {                                                                   \
        low[class] += trees->bounds[(((ulong)(entry_tree)*NODES + (entry_node)) * CLASSES + class) * 2];               \
        high[class] += trees->bounds[(((ulong)(entry_tree)*NODES + (entry_node)) * CLASSES + class) * 2 + 1];          \
    }
#else
#define BOUND(trees, entry_tree, entry_node, low, high)
#endif

// Goes on with one entry in a range: adds up leaves, keeps what is undecided behind the end of the list.
inline int prune(const Trees *trees, uint tree, uint at, const int *lowest, const int *highest, SUM *base, SUM *low,
                 SUM *high, local uint *kept, int n_kept) {
    at = descend(trees->nodes + tree * INNER, at, lowest, highest, trees->has_missing);
    const int is_leaf = at >= INNER;
    global const LEAF *leaf = trees->leaves + ((ulong)tree * (INNER + 1) + (is_leaf ? at - INNER : 0)) * LEAF_COLUMNS;
    SUM *to = base + trees->first_sums[tree];
    for (int column = 0; column < LEAF_COLUMNS; column++)
        to[column] += is_leaf ? (SUM)leaf[column] : (SUM)0;
    BOUND(trees, tree, at, low, high)
    kept[n_kept] = tree << NODE_BITS | at;
    return n_kept + !is_leaf;
}

#if OUTPUT == LABELS
// Notes the winners of the pixels in `open`, if the trees that are still to be evaluated add to the score of each class
// between `low` and `high`. Returns the pixels whose winner is not certain.
inline uchar16 settle_between(const Decision *to, local const Sums *sums, const SUM *base, SUM whole,
                              local const SUM *low, local const SUM *high, uchar16 open, local int16 *winners) {
    const int16 pixels = convert_int16(open);
    int16 uncertain = 0;
    for (int vector = 0; vector < VECTORS; vector++) {
        Sums remains = whole, top = score_of(sums, base, vector, 0, &remains) + low[0];
        int16 winner = 0;
        for (int class = 1; class < CLASSES; class ++) {
            const Sums least = score_of(sums, base, vector, class, &remains) + low[class];
            winner = select(winner, (int16)(class), TO_INTS(least > top));
            top = max(top, least);
        }
        int16 unsure = 0;
        remains = whole;
        for (int class = 0; class < CLASSES; class ++) {
            const Sums most = score_of(sums, base, vector, class, &remains) + high[class];
            unsure |= (winner != class) & (TO_INTS(top <= most) | TO_INTS(top - most < to->margin));
        }
        winners[vector] = select(winners[vector], winner, (pixels & (1 << vector)) != 0);
        uncertain |= unsure & (1 << vector);
    }
    return open & convert_uchar16(uncertain);
}
#endif

// The value that pixels find below node n, at a distance of 0 to 4 from the leaves.
#define KEY(n) keys[(nodes[n].y >> 1) * VECTORS + first + u]
#define GOES_RIGHT(n) SELECTOR((as_int16(as_uint16(KEY(n)) + SHIFT(n)) > (int16)(THRESHOLD(n))))
#define BELOW_0(n) ((Sums)((SUM)leaves[((n)-INNER) * LEAF_COLUMNS + column]))
#define BELOW_1(n) select(BELOW_0(2 * (n) + 1), BELOW_0(2 * (n) + 2), GOES_RIGHT(n))
#define BELOW_2(n) select(BELOW_1(2 * (n) + 1), BELOW_1(2 * (n) + 2), GOES_RIGHT(n))
#define BELOW_3(n) select(BELOW_2(2 * (n) + 1), BELOW_2(2 * (n) + 2), GOES_RIGHT(n))
#define BELOW_4(n) select(BELOW_3(2 * (n) + 1), BELOW_3(2 * (n) + 2), GOES_RIGHT(n))

// Adds what `count` entries, all of them REST levels above the leaves, give to the pixels of a cell.
#if LEAF_COLUMNS == STORED
#define TOTALS Sums totals[STORED * SOME_VECTORS] = {0};
#define TOTAL totals[column * SOME_VECTORS + u]
#define ADD_TOTALS                                                                                                     \
    _Pragma("unroll") for (int u = 0; u < SOME_VECTORS; u++)                                                           \
        _Pragma("unroll") for (int column = 0; column < STORED; column++) sums[column * VECTORS + first + u] += TOTAL;
#else
#define TOTALS
#define TOTAL sums[(trees->first_sums[tree] + column) * VECTORS + first + u]
#define ADD_TOTALS
#endif
#define EVALUATE(NAME, REST)                                                                                           \
    inline void NAME(const Trees *trees, local const uint *entries, int count, local const int16 *keys,                \
                     local Sums *sums) {                                                                               \
        for (int first = 0; first < VECTORS; first += SOME_VECTORS) {                                                  \
            TOTALS                                                                                                     \
            for (int i = 0; i < count; i++) {                                                                          \
                const uint tree = entries[i] >> NODE_BITS, at = entries[i] & ((1 << NODE_BITS) - 1);                   \
                global const Node *nodes = trees->nodes + tree * INNER;                                                \
                global const LEAF *leaves = trees->leaves + (ulong)tree * (INNER + 1) * LEAF_COLUMNS;                  \
                _Pragma("unroll") for (int u = 0; u < SOME_VECTORS; u++)                                               \
                    _Pragma("unroll") for (int column = 0; column < LEAF_COLUMNS; column++) TOTAL += BELOW_##REST(at); \
            }                                                                                                          \
            ADD_TOTALS                                                                                                 \
        }                                                                                                              \
    }
// NaN is the largest key; where it goes left, adding 1 makes it the smallest.
#define WITH_NUMBERS(REST) EVALUATE(evaluate_##REST, REST)
#define WITH_MISSING(REST) EVALUATE(evaluate_missing_##REST, REST)
#if DEPTH == 1
#define FOR_LEVELS(DO) DO(1)
#elif DEPTH == 2
#define FOR_LEVELS(DO) DO(1) DO(2)
#elif DEPTH == 3
#define FOR_LEVELS(DO) DO(1) DO(2) DO(3)
#else
#define FOR_LEVELS(DO) DO(1) DO(2) DO(3) DO(4)
#endif
#define SHIFT(n) (nodes[n].y & 1)
#define THRESHOLD(n) ((int)nodes[n].x)
FOR_LEVELS(WITH_MISSING)
#undef SHIFT
#undef THRESHOLD
#define SHIFT(n) 0
#define THRESHOLD(n) ((int)(nodes[n].x - (nodes[n].y & 1)))
FOR_LEVELS(WITH_NUMBERS)

kernel __attribute__((vec_type_hint(int16))) void
forest_shallow(global const VALUE *values, ulong row_stride, ulong feature_stride, ulong first_row, ulong n_rows,
               ulong width, global const int *columns, int n_columns, global const Node *nodes,
               global const int *first_sums, int n_trees, global const LEAF *leaves, global const SUM *start,
               SUM tree_sum, SUM margin, global const SUM *bounds, global RESULT *results, global uchar *is_close,
               global uint *n_close) {
    local int16 keys[CELLS * CAPACITY * VECTORS];
    local int lowest[CELLS * CAPACITY], highest[CELLS * CAPACITY];
    local Sums sums[CELLS * STORED * VECTORS];
    local int16 winners[CELLS * VECTORS];
    local uchar reached[CHUNK * 8];
    local uint of_tile[TREES], listed[(DEPTH + 1) * CHUNK];
    local SUM chunk_low[(TREES / CHUNK + 1) * CLASSES], chunk_high[(TREES / CHUNK + 1) * CLASSES];
    const Tile tile = tile_of(values + first_row * row_stride, row_stride, feature_stride, n_rows, width, columns,
                              n_columns, get_global_id(0));
    const Decision decision = {tree_sum * n_trees, margin, n_rows, results, is_close, n_close};
    int tile_lowest[CAPACITY], tile_highest[CAPACITY];
    const int has_missing = load_tile(&tile, keys, lowest, highest, tile_lowest, tile_highest);
    const Trees trees = {nodes, first_sums, leaves, bounds, has_missing};
    SUM base[STORED], low[CLASSES], high[CLASSES];
    for (int i = 0; i < STORED; i++)
        base[i] = start[i];
    bounds_of(base, 0, low, high);
    int n_of_tile = 0;
    for (int tree = 0; tree < n_trees; tree++)
        n_of_tile = prune(&trees, tree, 0, tile_lowest, tile_highest, base, low, high, of_tile, n_of_tile);
    const int tile_winner = certain_winner(low, high, margin);
#if OUTPUT == LABELS
    // What the chunks from each one on add at least and at most, in this tile.
    const int n_chunks = (n_of_tile + CHUNK - 1) / CHUNK;
    for (int i = 0; i < (n_chunks + 1) * CLASSES; i++)
        chunk_low[i] = chunk_high[i] = 0;
    for (int chunk = n_chunks - 1; chunk >= 0 && tile_winner == CLASSES; chunk--) {
        for (int class = 0; class < CLASSES; class ++) {
            low[class] = chunk_low[(chunk + 1) * CLASSES + class];
            high[class] = chunk_high[(chunk + 1) * CLASSES + class];
        }
        for (int i = chunk * CHUNK; i < min((chunk + 1) * CHUNK, n_of_tile); i++) {
            BOUND((&trees), of_tile[i] >> NODE_BITS, of_tile[i] & ((1 << NODE_BITS) - 1), low, high)
        }
        for (int class = 0; class < CLASSES; class ++) {
            chunk_low[chunk * CLASSES + class] = low[class];
            chunk_high[chunk * CLASSES + class] = high[class];
        }
    }
#endif
    uchar16 open[CELLS];
    SUM cell_base[CELLS * STORED];
    for (int cell = 0; cell < CELLS; cell++) {
        open[cell] = pixels_of(&tile, cell);
        for (int i = 0; i < STORED; i++)
            cell_base[cell * STORED + i] = base[i];
    }
    for (int i = 0; i < CELLS * VECTORS; i++)
        winners[i] = tile_winner;
    for (int i = 0; i < CELLS * STORED * VECTORS; i++)
        sums[i] = 0;
    int8 lowest_of[CAPACITY], highest_of[CAPACITY]; // of the cells, side by side
    for (int slot = 0; slot < n_columns; slot++) {
        int low_lanes[8], high_lanes[8];
        for (int lane = 0; lane < 8; lane++) {
            low_lanes[lane] = lowest[lane % CELLS * CAPACITY + slot];
            high_lanes[lane] = highest[lane % CELLS * CAPACITY + slot];
        }
        lowest_of[slot] = vload8(0, low_lanes);
        highest_of[slot] = vload8(0, high_lanes);
    }
    int any_open = tile_winner == CLASSES;
    for (int begin = 0, end; any_open && begin <= n_of_tile; begin = end) {
        end = min(begin + CHUNK, n_of_tile);
        for (int i = begin; i < end; i++)
            vstore8(descend_cells(&trees, of_tile[i], lowest_of, highest_of), i - begin, reached);
        any_open = 0;
        for (int cell = 0; cell < CELLS; cell++) {
            if (!any_of(open[cell]))
                continue;
            SUM *of_cell = cell_base + cell * STORED;
            int counts[DEPTH + 1] = {0};
            for (int i = begin; i < end; i++) {
                const uint tree = of_tile[i] >> NODE_BITS, at = reached[(i - begin) * 8 + cell];
                const int is_leaf = at >= INNER;
                global const LEAF *leaf =
                    leaves + ((ulong)tree * (INNER + 1) + (is_leaf ? at - INNER : 0)) * LEAF_COLUMNS;
                for (int column = 0; column < LEAF_COLUMNS; column++)
                    of_cell[first_sums[tree] + column] += is_leaf ? (SUM)leaf[column] : (SUM)0;
                const int levels = DEPTH - 31 + clz(at + 1);
                listed[levels * CHUNK + counts[levels]++] = tree << NODE_BITS | at;
            }
            local const int16 *cell_keys = keys + cell * CAPACITY * VECTORS;
            local Sums *cell_sums = sums + cell * STORED * VECTORS;
#define EVALUATE_NUMBERS(REST) evaluate_##REST(&trees, listed + REST * CHUNK, counts[REST], cell_keys, cell_sums);
#define EVALUATE_MISSING(REST)                                                                                         \
    evaluate_missing_##REST(&trees, listed + REST * CHUNK, counts[REST], cell_keys, cell_sums);
            if (has_missing) {
                FOR_LEVELS(EVALUATE_MISSING)
            } else {
                FOR_LEVELS(EVALUATE_NUMBERS)
            }
#if OUTPUT == LABELS
            const SUM whole = tree_sum * (n_trees - n_of_tile + end);
            if (end == n_of_tile)
                open[cell] = settle(&decision, cell_sums, of_cell, whole, 0, 1, open[cell], winners + cell * VECTORS);
            else
                open[cell] = settle_between(&decision, cell_sums, of_cell, whole, chunk_low + end / CHUNK * CLASSES,
                                            chunk_high + end / CHUNK * CLASSES, open[cell], winners + cell * VECTORS);
#endif
            any_open |= any_of(open[cell]);
        }
        if (end == n_of_tile)
            break;
    }
    for (int cell = 0; cell < CELLS; cell++)
        store_cell(&decision, &tile, cell, sums + cell * STORED * VECTORS, cell_base + cell * STORED,
                   tile_winner == CLASSES ? open[cell] : (uchar16)(0), winners + cell * VECTORS);
}
