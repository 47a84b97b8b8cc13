// Shallow trees as perfect ones of depth DEPTH: every node compares vectors of 16 rows, `select` picks the leaf.
// Trees are the outer loop; nodes and leaves are uniform scalar loads.

#define INNER ((1 << DEPTH) - 1)
#define VECTORS (ROWS / 16)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(SUM, 16) Sums;
#define CONVERT JOIN(JOIN(convert_, SUM), 16)

kernel void forest_perfect(global const float *values, ulong row_stride, ulong feature_stride, ulong first_row,
                           ulong n_rows, global const int *columns, int n_columns, global const int4 *nodes,
                           int n_trees, global const uint *leaves, SUM whole, SUM margin, global RESULT *results,
                           global uchar *is_close) {
    const ulong first = get_global_id(0) * ROWS;
    const Rows rows = {values + first_row * row_stride, row_stride, feature_stride, n_rows, columns, n_columns};
    int16 keys[CAPACITY * VECTORS];
    load_keys(&rows, first, (int *)keys);
    Sums sums[STORED * VECTORS];
    for (int i = 0; i < STORED * VECTORS; i++)
        sums[i] = 0;
    for (int tree = 0; tree < n_trees; tree++, nodes += INNER, leaves += (INNER + 1) * STORED) {
#pragma unroll
        for (int vector = 0; vector < VECTORS; vector++) {
            int16 right[INNER];
#pragma unroll
            for (int i = 0; i < INNER; i++)
                right[i] = as_int16(as_uint16(keys[nodes[i].x * VECTORS + vector]) + (uint)nodes[i].z) > nodes[i].y;
            for (int class = 0; class < STORED; class++) {
                uint16 below[INNER + 1];
#pragma unroll
                for (int i = 0; i <= INNER; i++)
                    below[i] = leaves[i * STORED + class];
#pragma unroll
                for (int width = (INNER + 1) / 2; width > 0; width /= 2)
#pragma unroll
                    for (int i = 0; i < width; i++)
                        below[i] = select(below[2 * i], below[2 * i + 1], right[width - 1 + i]);
                sums[class * VECTORS + vector] += CONVERT(below[0]);
            }
        }
    }
    const Decision decision = {whole, margin, n_rows, results, is_close};
    for (int row = 0; row < ROWS; row++)
        if (first + row < n_rows)
            decide(&decision, (const SUM *)sums, row, first + row);
}
