// Shallow trees as perfect ones of depth DEPTH, their nodes in heap order: the children of n are 2 n + 1 and 2 n + 2.
// The ranges of the features, first in the whole tile and then in each cell, lead past the nodes that all pixels pass
// on one side. Often that decides everything: if the least score that the class in front can reach beats the largest
// of all others, no pixel is looked at. What is left of a tree is evaluated without branches: all its nodes compare
// vectors of pixels, `select` picks the leaf. Pixels leave as soon as the trees to come cannot change their class.

#define INNER ((1 << DEPTH) - 1)
#define NODES (2 * INNER + 1)
#define NODE_BITS 5 // of an entry: tree << NODE_BITS | node
#define NODE_MASK ((1 << NODE_BITS) - 1)
#define CHUNK 64                                           // trees between two attempts to settle
#define SOME_VECTORS (STORED > 4 ? 1 : STORED > 2 ? 2 : 4) // sums that stay in registers

typedef uint2 Node; // key, slot << 1 | missing

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

typedef struct {
    global const Node *nodes;
    global const int *first_sums;
    global const LEAF *leaves;
    global const SUM *bounds; // of the leaves below each node: least and largest score of every class
    int has_missing;          // in this tile
} Trees;

// Where an entry leads in eight ranges at once: the first node that pixels pass on both sides, or a leaf.
inline uchar8 descend(const Trees *trees, uint entry, const int8 *lowest, const int8 *highest) {
    const uint at = entry & NODE_MASK;
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

// Adds the leaf that a tree has reached, or keeps the tree behind the end of the list.
inline int add_or_keep(const Trees *trees, uint tree, uint at, SUM *base, local uint *kept, int n_kept) {
    const int is_leaf = at >= INNER;
    global const LEAF *leaf = trees->leaves + ((ulong)tree * (INNER + 1) + (is_leaf ? at - INNER : 0)) * LEAF_COLUMNS;
    SUM *to = base + trees->first_sums[tree];
    for (int column = 0; column < LEAF_COLUMNS; column++)
        to[column] += is_leaf ? (SUM)leaf[column] : (SUM)0;
    kept[n_kept] = tree << NODE_BITS | at;
    return n_kept + !is_leaf;
}

#if OUTPUT == LABELS
// What the entries from each chunk on add at least and at most to the score of each class.
inline void bound_chunks(const Trees *trees, local const uint *entries, int count, local SUM *lows, local SUM *highs) {
    const int n_chunks = (count + CHUNK - 1) / CHUNK;
    SUM low[CLASSES] = {0}, high[CLASSES] = {0};
    for (int chunk = n_chunks; chunk >= 0; chunk--) {
        for (int i = chunk * CHUNK; i < min((chunk + 1) * CHUNK, count); i++) {
            const ulong node = (ulong)(entries[i] >> NODE_BITS) * NODES + (entries[i] & NODE_MASK);
            for (int class = 0; class < CLASSES; class ++) {
                low[class] += trees->bounds[(node * CLASSES + class) * 2];
                high[class] += trees->bounds[(node * CLASSES + class) * 2 + 1];
            }
        }
        for (int class = 0; class < CLASSES; class ++) {
            lows[chunk * CLASSES + class] = low[class];
            highs[chunk * CLASSES + class] = high[class];
        }
    }
}

// The class that wins whatever the trees that are left add to `base`; CLASSES if that is not certain.
inline int certain_winner(const SUM *base, SUM whole, local const SUM *lows, local const SUM *highs, SUM margin) {
    SUM low[CLASSES], high[CLASSES];
    bounds_of(base, whole, low, high);
    int winner = 0;
    for (int class = 0; class < CLASSES; class ++) {
        low[class] += lows[class];
        high[class] += highs[class];
        winner = low[class] > low[winner] ? class : winner;
    }
    for (int class = 0; class < CLASSES; class ++)
        if (class != winner && !(low[winner] > high[class] && low[winner] - high[class] >= margin))
            return CLASSES;
    return winner;
}
#endif

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
                const uint tree = entries[i] >> NODE_BITS, at = entries[i] & NODE_MASK;                                \
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

// Evaluates entries for the pixels of a cell.
inline void evaluate_chunk(const Trees *trees, local const uint *entries, int count, local uint *listed,
                           local const int16 *keys, local Sums *sums) {
    int counts[DEPTH + 1] = {0};
    for (int i = 0; i < count; i++) {
        const int levels = DEPTH - 31 + clz((entries[i] & NODE_MASK) + 1);
        listed[levels * CHUNK + counts[levels]++] = entries[i];
    }
#define EVALUATE_NUMBERS(REST) evaluate_##REST(trees, listed + REST * CHUNK, counts[REST], keys, sums);
#define EVALUATE_MISSING(REST) evaluate_missing_##REST(trees, listed + REST * CHUNK, counts[REST], keys, sums);
    if (trees->has_missing) {
        FOR_LEVELS(EVALUATE_MISSING)
    } else {
        FOR_LEVELS(EVALUATE_NUMBERS)
    }
}

typedef struct {
    local int16 *keys;
    local int *lowest, *highest; // of the cells of a strip
    local Sums *sums;            // of a cell
    local int16 *winners;        // of a cell
    local uchar *tiles_reach, *cells_reach;
    local uint *of_tile, *of_cell, *listed;
    local SUM *lows, *highs;
} Memory;

// Decides one cell, for which the ranges of the tile have left `n_of_tile` trees open and added the others to `base`.
// Its keys are made now if they are not there.
inline void decide_cell(const Trees *trees, const Decision *decision, const Tile *tile, int index, const SUM *tile_base,
                        int n_trees, int n_of_tile, const Memory *memory, int place, int has_keys) {
    uchar16 open = pixels_of(tile, index);
    if (!any_of(open))
        return;
    SUM base[STORED];
    for (int i = 0; i < STORED; i++)
        base[i] = tile_base[i];
    local uint *entries = memory->of_cell;
    int count = 0;
    for (int i = 0; i < n_of_tile; i++)
        count = add_or_keep(trees, memory->of_tile[i] >> NODE_BITS, memory->cells_reach[i * 8 + index], base, entries,
                            count);
    const SUM tree_sum = decision->whole / n_trees, whole = tree_sum * (n_trees - count);
#if OUTPUT == LABELS
    bound_chunks(trees, entries, count, memory->lows, memory->highs);
    const int winner = certain_winner(base, whole, memory->lows, memory->highs, decision->margin);
    for (int vector = 0; vector < VECTORS; vector++)
        memory->winners[vector] = winner;
    if (winner < CLASSES) {
        store_cell(decision, tile, index, memory->sums, base, (uchar16)(0), memory->winners);
        return;
    }
#endif
    local int16 *keys = memory->keys + (has_keys ? index * CAPACITY * VECTORS : 0);
    if (!has_keys && count)
        load_cell(tile, index, memory->lowest + place, memory->highest + place, keys);
    for (int i = 0; i < STORED * VECTORS; i++)
        memory->sums[i] = 0;
    int begin = 0, end;
    do {
        end = min(begin + CHUNK, count);
        evaluate_chunk(trees, entries + begin, end - begin, memory->listed, keys, memory->sums);
#if OUTPUT == LABELS
        if (end < count)
            open = settle_between(decision, memory->sums, base, whole + tree_sum * end,
                                  memory->lows + end / CHUNK * CLASSES, memory->highs + end / CHUNK * CLASSES, open,
                                  memory->winners);
        else
            open = settle(decision, memory->sums, base, decision->whole, 0, 1, open, memory->winners);
#endif
        begin = end;
    } while (end < count && any_of(open));
    store_cell(decision, tile, index, memory->sums, base, open, memory->winners);
}

// Decides one tile from what its ranges leave of the trees.
inline void decide_tile(const Trees *trees, const Decision *decision, const Tile *tile, global const SUM *start,
                        int n_trees, const Memory *memory, int t, int lane, int has_keys) {
    SUM base[STORED];
    for (int i = 0; i < STORED; i++)
        base[i] = start[i];
    int count = 0;
    for (int tree = 0; tree < n_trees; tree++)
        count = add_or_keep(trees, tree, memory->tiles_reach[tree * 8 + lane], base, memory->of_tile, count);
#if OUTPUT == LABELS
    bound_chunks(trees, memory->of_tile, count, memory->lows, memory->highs);
    const int winner = certain_winner(base, decision->whole / n_trees * (n_trees - count), memory->lows, memory->highs,
                                      decision->margin);
    if (winner < CLASSES) {
        for (int vector = 0; vector < VECTORS; vector++)
            memory->winners[vector] = winner;
        for (int index = 0; index < CELLS; index++)
            store_cell(decision, tile, index, memory->sums, base, (uchar16)(0), memory->winners);
        return;
    }
#endif
    int8 lowest[CAPACITY], highest[CAPACITY];
    for (int slot = 0; slot < tile->n_columns; slot++) {
        int lows[8], highs[8];
        for (int cell = 0; cell < 8; cell++) {
            const int place = (t * CELLS + cell % CELLS) * CAPACITY + slot;
            lows[cell] = memory->lowest[place];
            highs[cell] = memory->highest[place];
        }
        lowest[slot] = vload8(0, lows);
        highest[slot] = vload8(0, highs);
    }
    for (int i = 0; i < count; i++)
        vstore8(descend(trees, memory->of_tile[i], lowest, highest), i, memory->cells_reach);
    for (int index = 0; index < CELLS; index++)
        decide_cell(trees, decision, tile, index, base, n_trees, count, memory, (t * CELLS + index) * CAPACITY,
                    has_keys);
}

// A work-item decides a strip: up to TILES tiles, side by side. Where the values of a feature lie side by side, their
// ranges are found for the whole strip first, feature by feature, because memory likes to be read in order; keys are
// made for the few cells that ranges do not decide. Where the features of a pixel do, keys are made at once.
kernel __attribute__((vec_type_hint(int16))) void
forest_shallow(global const VALUE *values, ulong row_stride, ulong feature_stride, ulong first_row, ulong n_rows,
               ulong width, global const int *columns, int n_columns, global const Node *nodes,
               global const int *first_sums, int n_trees, global const LEAF *leaves, global const SUM *start,
               SUM tree_sum, SUM margin, global const SUM *bounds, global RESULT *results, global uchar *is_close,
               global uint *n_close) {
    local int16 keys[CELLS * CAPACITY * VECTORS];
    local int lowest[TILES * CELLS * CAPACITY], highest[TILES * CELLS * CAPACITY];
    local Sums sums[STORED * VECTORS];
    local int16 winners[VECTORS];
    local uchar tiles_reach[TREES * 8], cells_reach[TREES * 8];
    local uint of_tile[TREES], of_cell[TREES], listed[(DEPTH + 1) * CHUNK];
    local SUM lows[(TREES / CHUNK + 1) * CLASSES], highs[(TREES / CHUNK + 1) * CLASSES];
    const Memory memory = {keys,        lowest,  highest, sums,   winners, tiles_reach,
                           cells_reach, of_tile, of_cell, listed, lows,    highs};
    const Decision decision = {tree_sum * n_trees, margin, n_rows, results, is_close, n_close};
    const ulong across = tiles_across(n_rows, width), strips = (across + TILES - 1) / TILES;
    const ulong first = get_global_id(0) % strips * TILES;
    const int n_tiles = (int)min(across - first, (ulong)TILES), is_streamed = row_stride == 1;
    Tile tile = tile_of(values + first_row * row_stride, row_stride, feature_stride, n_rows, width, columns, n_columns,
                        get_global_id(0) / strips * across + first);
    int has_missing = 0;
    for (int slot = 0; slot < n_columns && is_streamed; slot++) {
        Tile at = tile;
        for (int i = 0; i < n_tiles * CELLS; i++) {
            const Cell cell = cell_of(&at, i % CELLS);
            const int place = i * CAPACITY + slot;
            has_missing |= load_feature(&at, &cell, slot, lowest + place, highest + place, 0, keys);
            if (i % CELLS == CELLS - 1)
                move_right(&at);
        }
    }
    const int step = is_streamed ? n_tiles : 1;
    for (int begin = 0; begin < n_tiles; begin += step) {
        if (!is_streamed)
            has_missing = load_tile(&tile, keys, lowest + begin * CELLS * CAPACITY, highest + begin * CELLS * CAPACITY);
        const Trees trees = {nodes, first_sums, leaves, bounds, has_missing};
        int8 tile_lowest[CAPACITY], tile_highest[CAPACITY];
        for (int slot = 0; slot < n_columns; slot++) {
            int low[8], high[8];
            for (int lane = 0; lane < 8; lane++) {
                const int place = (begin + lane % step) * CELLS * CAPACITY + slot;
                low[lane] = lowest[place];
                high[lane] = highest[place];
                for (int cell = 1; cell < CELLS; cell++) {
                    low[lane] = min(low[lane], lowest[place + cell * CAPACITY]);
                    high[lane] = max(high[lane], highest[place + cell * CAPACITY]);
                }
            }
            tile_lowest[slot] = vload8(0, low);
            tile_highest[slot] = vload8(0, high);
        }
        for (int tree = 0; tree < n_trees; tree++)
            vstore8(descend(&trees, tree << NODE_BITS, tile_lowest, tile_highest), tree, tiles_reach);
        for (int lane = 0; lane < step; lane++, move_right(&tile))
            decide_tile(&trees, &decision, &tile, start, n_trees, &memory, begin + lane, lane, !is_streamed);
    }
}
