// A tile of pixels that walk together: CELLS cells, side by side, of 8 vectors of 16 pixels.
// In an image a cell is 16 columns by 8 rows, in a table 128 rows. VALUE: type of the features.

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(SUM, 16) Sums;
// Masks and classes are int16; these give them the width of a sum, and back.
#if SUM_BITS == 64
#define TO_INTS(mask) convert_int16(mask)
#define TO_SUMS(mask) JOIN(JOIN(as_, SUM), 16)(convert_long16(mask))
#define SELECTOR(mask) convert_long16(mask)
#else
#define TO_INTS(mask) as_int16(mask)
#define TO_SUMS(mask) JOIN(JOIN(as_, SUM), 16)(mask)
#define SELECTOR(mask) (mask)
#endif

#define VECTORS 8
// Unrolled by hand: what compilers leave in loops over arrays stays in memory, 10 times slower.
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

#define LARGEST_NUMBER 0x7f800000             // key of +inf
#define SMALLEST_NUMBER (-LARGEST_NUMBER - 1) // key of -inf

typedef struct {
    global const VALUE *values; // the first row of this launch
    ulong row_stride, feature_stride, n_rows;
    ulong width, height; // of the image; 0 for a table
    global const int *columns;
    int n_columns;
    ulong x, y; // first pixel of the tile; in a table, y is its first vector
} Tile;

typedef struct {
    ulong start; // of 16 consecutive pixels
    int count;   // how many of them exist
} Span;

typedef struct {
    int index;
    int is_whole;      // all vectors lie in memory as they are, the first
    ulong start, step; // here, and the others so far apart
} Cell;

// Tiles in a row of the image, or in the table.
inline ulong tiles_across(ulong n_rows, ulong width) {
    const ulong extent = width ? width : n_rows, step = (width ? 16 : 128) * CELLS;
    return (extent + step - 1) / step;
}

inline Tile tile_of(global const VALUE *values, ulong row_stride, ulong feature_stride, ulong n_rows, ulong width,
                    global const int *columns, int n_columns, ulong item) {
    const ulong height = width ? n_rows / width : 0, across = tiles_across(n_rows, width);
    return (Tile){values,
                  row_stride,
                  feature_stride,
                  n_rows,
                  width,
                  height,
                  columns,
                  n_columns,
                  width ? item % across * (16 * CELLS) : 0,
                  (width ? item / across : item * CELLS) * VECTORS};
}

// The next tile, if it lies in the same row of the image.
inline void move_right(Tile *tile) {
    tile->x += tile->width ? 16 * CELLS : 0;
    tile->y += tile->width ? 0 : VECTORS * CELLS;
}

// Spans outside the image have count 0 and start at a pixel inside.
inline Span span_of(const Tile *tile, int cell, int vector) {
    if (tile->width == 0) {
        const ulong start = 16 * (tile->y + cell * VECTORS + vector);
        if (start >= tile->n_rows)
            return (Span){tile->n_rows - 1, 0};
        return (Span){start, (int)min(tile->n_rows - start, (ulong)16)};
    }
    const ulong x = tile->x + cell * 16, y = tile->y + vector, last_y = tile->height - 1;
    if (x >= tile->width || y > last_y)
        return (Span){min(y, last_y) * tile->width + min(x, tile->width - 1), 0};
    return (Span){y * tile->width + x, (int)min(tile->width - x, (ulong)16)};
}

inline Cell cell_of(const Tile *tile, int index) {
    Cell cell = {index, tile->row_stride == 1, 0, 16};
    if (tile->width) {
        const ulong x = tile->x + index * 16;
        cell.is_whole &= x + 16 <= tile->width && tile->y + VECTORS <= tile->height;
        cell.start = tile->y * tile->width + x;
        cell.step = tile->width;
    } else {
        cell.start = 16 * (tile->y + index * VECTORS);
        cell.is_whole &= cell.start + 16 * VECTORS <= tile->n_rows;
    }
    return cell;
}

// Keys but for NaN, which lies beyond the infinities on either side.
inline int16 number_keys(float16 values) {
    const int16 bits = as_int16(values);
    return bits ^ ((bits >> 31) & 0x7fffffff);
}

// Keys of 16 pixels; where some do not exist, the last one that does is repeated.
inline int16 load_part(const Tile *tile, global const VALUE *column, Span span) {
    float lanes[16];
    for (int lane = 0; lane < 16; lane++)
        lanes[lane] = LOAD_1(column + (span.start + min(lane, max(span.count - 1, 0))) * tile->row_stride);
    return number_keys(vload16(0, lanes));
}

inline int least_of(int16 v) {
    const int8 a = min(v.lo, v.hi);
    const int4 b = min(a.lo, a.hi);
    const int2 c = min(b.lo, b.hi);
    return min(c.x, c.y);
}

inline int largest_of(int16 v) { return ~least_of(~v); }

inline int any_of(uchar16 mask) {
    const ulong2 halves = as_ulong2(mask);
    return (halves.x | halves.y) != 0;
}

// Finds the range of one feature in a cell, and keeps its keys. Returns whether there is NaN: the largest key.
inline int load_feature(const Tile *tile, const Cell *cell, int slot, local int *lowest, local int *highest, int keeps,
                        local int16 *keys) {
    global const VALUE *column = tile->values + tile->columns[slot] * tile->feature_stride;
    int16 key0, key1, key2, key3, key4, key5, key6, key7;
    if (cell->is_whole) {
#define LOAD_WHOLE(u) key##u = number_keys(LOAD_16(column + cell->start + u * cell->step));
        EACH(LOAD_WHOLE)
    } else {
#define LOAD_PART(u) key##u = load_part(tile, column, span_of(tile, cell->index, u));
        EACH(LOAD_PART)
    }
    int16 low = key0, high = key0;
#define WIDEN(u)                                                                                                       \
    low = min(low, key##u);                                                                                            \
    high = max(high, key##u);
    EACH(WIDEN)
    *lowest = least_of(low);
    *highest = largest_of(high);
    const int has_missing = *lowest < SMALLEST_NUMBER || *highest > LARGEST_NUMBER;
    if (has_missing) {
#define MEND(u)                                                                                                        \
    key##u = select(key##u, (int16)(INT_MAX), key##u > LARGEST_NUMBER | key##u < SMALLEST_NUMBER);                     \
    low = u ? min(low, key##u) : key##u;
        EACH(MEND)
        *lowest = least_of(low);
        *highest = INT_MAX;
    }
    if (keeps) {
#define KEEP(u) keys[u] = key##u;
        EACH(KEEP)
    }
    return has_missing;
}

// Fills the keys of a cell, [slot][vector], and their ranges; returns whether there is NaN.
inline int load_cell(const Tile *tile, int index, local int *lowest, local int *highest, local int16 *keys) {
    const Cell cell = cell_of(tile, index);
    int has_missing = 0;
    for (int slot = 0; slot < tile->n_columns; slot++)
        has_missing |= load_feature(tile, &cell, slot, lowest + slot, highest + slot, 1, keys + slot * VECTORS);
    return has_missing;
}

// Bit `vector` of each lane: the pixels of a cell that exist.
inline uchar16 pixels_of(const Tile *tile, int cell) {
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    int16 exist = 0;
    for (int vector = 0; vector < VECTORS; vector++)
        exist |= (lane < span_of(tile, cell, vector).count) & (1 << vector);
    return convert_uchar16(exist);
}

// Fills the keys of all cells and their ranges; returns whether there is NaN.
inline int load_tile(const Tile *tile, local int16 *keys, local int *lowest, local int *highest) {
    int has_missing = 0;
    for (int cell = 0; cell < CELLS; cell++)
        has_missing |= load_cell(tile, cell, lowest + cell * CAPACITY, highest + cell * CAPACITY,
                                 keys + cell * CAPACITY * VECTORS);
    return has_missing;
}

// The decision for a tile. `sums` are those of one cell, [sum][vector]; `base` is added to all of its pixels.

inline Sums score_of(local const Sums *sums, const SUM *base, int vector, int class, Sums *rest) {
#if RULE == SIGN
    return class == 0 ? (Sums)(0) : sums[vector] + base[0];
#elif RULE == COMPLEMENT
    if (class == STORED)
        return *rest;
    const Sums sum = sums[class * VECTORS + vector] + base[class];
    *rest -= min(sum, *rest);
    return sum;
#else
    return sums[class * VECTORS + vector] + base[class];
#endif
}

// Notes the winners of the pixels in `open`, if all trees add up to `whole` and those to come change a lead by at most
// `rest`. Returns the pixels whose winner is not certain yet; after the last tree, those that are too close.
inline uchar16 settle(const Decision *to, local const Sums *sums, const SUM *base, SUM whole, SUM rest, int is_last,
                      uchar16 open, local int16 *winners) {
    const int16 pixels = convert_int16(open);
    int16 uncertain = 0;
    for (int vector = 0; vector < VECTORS; vector++) {
        Sums remains = whole, top = score_of(sums, base, vector, 0, &remains), second = top;
        int16 winner = 0;
        for (int class = 1; class < CLASSES; class ++) {
            const Sums score = score_of(sums, base, vector, class, &remains);
            second = class == 1 ? min(top, score) : max(second, min(top, score));
            winner = select(winner, (int16)(class), TO_INTS(score > top));
            top = max(top, score);
        }
        const Sums lead = top - second, surplus = lead - min(lead, (Sums)(rest));
        const int16 unsure = TO_INTS(surplus < to->margin) | (is_last ? 0 : TO_INTS(lead <= rest));
        winners[vector] = select(winners[vector], winner, (pixels & (1 << vector)) != 0);
        uncertain |= unsure & (1 << vector);
    }
    return CLASSES > 1 ? open & convert_uchar16(uncertain) : (uchar16)(0);
}

inline void store_results(global RESULT *results, Span span, JOIN(RESULT, 16) values) {
    if (span.count == 16) {
        vstore16(values, 0, results + span.start);
        return;
    }
    RESULT lanes[16];
    vstore16(values, 0, lanes);
    for (int lane = 0; lane < span.count; lane++)
        results[span.start + lane] = lanes[lane];
}

inline void store_close(const Decision *to, Span span, uchar16 values) {
    if (to->margin == 0)
        return;
    if (any_of(values))
        atomic_inc(to->n_close);
    uchar lanes[16];
    vstore16(values, 0, lanes);
    for (int lane = 0; lane < span.count; lane++)
        to->is_close[span.start + lane] = lanes[lane];
}

// Stores what `settle` found for a cell, or its scores.
inline void store_cell(const Decision *to, const Tile *tile, int cell, local const Sums *sums, const SUM *base,
                       uchar16 close, local const int16 *winners) {
    for (int vector = 0; vector < VECTORS; vector++) {
        const Span span = span_of(tile, cell, vector);
#if OUTPUT == LABELS
        store_results(to->results, span, JOIN(JOIN(convert_, RESULT), 16)(winners[vector]));
        store_close(to, span, (close >> (uchar)vector) & (uchar)1);
#else
        Sums remains = to->whole, top = 0, second = 0;
        for (int i = 0; i < SCORES; i++) {
            const Sums scores = RULE == SIGN ? sums[vector] + base[0] : score_of(sums, base, vector, i, &remains);
            second = i == 0 ? scores : i == 1 ? min(top, scores) : max(second, min(top, scores));
            top = i == 0 ? scores : max(top, scores);
#if OUTPUT == SUMS
            SUM lanes[16];
            vstore16(scores, 0, lanes);
            for (int lane = 0; lane < span.count; lane++)
                to->results[(span.start + lane) * SCORES + i] = lanes[lane];
#else
            const Span there = {i * to->n_rows + span.start, span.count};
            store_results(to->results, there, convert_float16(scores) / (float)to->whole);
#endif
        }
#if RULE == SIGN
        const Sums lead = max(top, -top);
#else
        const Sums lead = top - second;
#endif
        store_close(to, span, convert_uchar16(TO_INTS(lead < to->margin) & 1 & (CLASSES > 1)));
#endif
    }
}
