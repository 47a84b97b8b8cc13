// Tiles of 16 x VECTORS pixels walk each tree together, because neighbours mostly take the same path. A node compares
// the whole tile with one threshold; if all active pixels agree the walk goes on with one child, else the right child
// waits on a small stack with its mask. The range of every feature in the tile decides most nodes by two comparisons.
// DEPTH: levels of the deepest tree, and so of the stack.

#if ROWS == 16
#define VECTORS 1
#elif ROWS == 32
#define VECTORS 2
#elif ROWS == 64
#define VECTORS 4
#else
#define VECTORS 8
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(SUM, 16) Sums;
#define CONVERT_MASK JOIN(MASK_, SUM)
#define MASK_uint(mask) as_uint16(mask)
#define MASK_ulong(mask) as_ulong16(convert_long16(mask))
// Macros, not loops over arrays: what compilers do not unroll stays in memory.
#define EACH(DO) JOIN(EACH_, VECTORS)(DO)
#define EACH_1(DO) DO(0)
#define EACH_2(DO) EACH_1(DO) DO(1)
#define EACH_4(DO) EACH_2(DO) DO(2) DO(3)
#define EACH_8(DO) EACH_4(DO) DO(4) DO(5) DO(6) DO(7)

// Faster than the built-in `any`: by 7 % on Intel's runtime, by 20 % on PoCL.
inline int any_of(int16 mask) {
    const int8 a = mask.lo | mask.hi;
    const int4 b = a.lo | a.hi;
    const int2 c = b.lo | b.hi;
    return c.x | c.y;
}

// Least or largest of 16 values; once per tile and feature, so a plain loop will do.
inline int extreme(int16 v, int is_least) {
    int lanes[16];
    vstore16(v, 0, lanes);
    int found = lanes[0];
    for (int lane = 1; lane < 16; lane++)
        found = is_least ? min(found, lanes[lane]) : max(found, lanes[lane]);
    return found;
}

typedef struct {
    ulong x, y, width; // first pixel of the tile, and the pixels of an image row; a table is a single row
    ulong n_rows;
    int is_table;
} Tile;

inline Tile tile_of(ulong item, ulong width, ulong n_rows) {
    if (width == 0)
        return (Tile){item * ROWS, 0, n_rows, n_rows, 1};
    const ulong across = (width + 15) / 16;
    return (Tile){item % across * 16, item / across * VECTORS, width, n_rows, 0};
}

// First pixel of vector `u` and how many of its 16 pixels exist.
inline ulong vector_start(const Tile *tile, int u) {
    return tile->is_table ? tile->x + 16 * u : (tile->y + u) * tile->width + tile->x;
}

inline int vector_count(const Tile *tile, int u) {
    const ulong start = vector_start(tile, u);
    if (start >= tile->n_rows)
        return 0;
    const ulong in_row = tile->is_table ? tile->n_rows - start : tile->width - tile->x;
    return (int)min(min(in_row, tile->n_rows - start), (ulong)16);
}

kernel __attribute__((vec_type_hint(int16))) void
forest_coherent(global const float *values, ulong row_stride, ulong feature_stride, ulong first_row, ulong n_rows,
                global const int *columns, int n_columns, global const Node *nodes, global const int *roots,
                int n_trees, global const uint *leaves, SUM whole, SUM margin, global RESULT *results,
                global uchar *is_close, ulong width) {
    const Tile tile = tile_of(get_global_id(0), width, n_rows);
    if (tile.x >= tile.width || vector_start(&tile, 0) >= n_rows)
        return;
    const Rows rows = {values + first_row * row_stride, row_stride, feature_stride, n_rows, columns, n_columns};
    int16 keys[CAPACITY * VECTORS];
    int lowest[CAPACITY], highest[CAPACITY];
    for (int slot = 0; slot < n_columns; slot++) {
        int16 low = INT_MAX, high = INT_MIN;
        for (int u = 0; u < VECTORS; u++) {
            const int16 loaded = load_vector(&rows, slot, vector_start(&tile, u), vector_count(&tile, u));
            keys[slot * VECTORS + u] = loaded;
            low = min(low, loaded);
            high = max(high, loaded);
        }
        lowest[slot] = extreme(low, 1);
        highest[slot] = extreme(high, 0);
    }
    Sums sums[STORED * VECTORS];
    for (int i = 0; i < STORED * VECTORS; i++)
        sums[i] = 0;
    int waiting[DEPTH];
    int16 waiting_masks[DEPTH * VECTORS];
    for (int tree = 0; tree < n_trees; tree++) {
        int at = roots[tree], level = 0;
#define START(u) int16 mask##u = -1;
        EACH(START)
        for (;;) {
            const Node node = nodes[at];
            const int right = RIGHT(node);
            if (right == 0) {
                for (int class = 0; class < STORED; class++) {
                    const Sums value = (Sums)(leaves[node.x * STORED + class]);
#define ADD(u) sums[class * VECTORS + u] += value & CONVERT_MASK(mask##u);
                    EACH(ADD)
                }
                if (level == 0)
                    break;
                level--;
                at = waiting[level];
#define RESUME(u) mask##u = waiting_masks[level * VECTORS + u];
                EACH(RESUME)
                continue;
            }
            const int slot = SLOT(node), threshold = (int)node.x, missing = node.y & 1;
            if (!missing || highest[slot] != INT_MAX) { // with NaN in the tile, adding `missing` would wrap
                if (highest[slot] + missing <= threshold) {
                    at++;
                    continue;
                }
                if (lowest[slot] + missing > threshold) {
                    at += right;
                    continue;
                }
            }
#define SPLIT(u)                                                                                                       \
    const int16 above##u = as_int16(as_uint16(keys[slot * VECTORS + u]) + (uint)missing) > threshold;                  \
    const int16 right##u = mask##u & above##u, left##u = mask##u & ~above##u;
            EACH(SPLIT)
            int16 any_right = 0, any_left = 0;
#define COLLECT(u)                                                                                                     \
    any_right |= right##u;                                                                                             \
    any_left |= left##u;
            EACH(COLLECT)
            if (!any_of(any_right)) {
                at++;
            } else if (!any_of(any_left)) {
                at += right;
            } else {
                waiting[level] = at + right;
#define WAIT(u) waiting_masks[level * VECTORS + u] = right##u;
                EACH(WAIT)
                level++;
#define TURN_LEFT(u) mask##u = left##u;
                EACH(TURN_LEFT)
                at++;
            }
        }
    }
    const Decision decision = {whole, margin, n_rows, results, is_close};
    for (int u = 0; u < VECTORS; u++)
        for (int lane = 0; lane < vector_count(&tile, u); lane++)
            decide(&decision, (const SUM *)sums, 16 * u + lane, vector_start(&tile, u) + lane);
}
