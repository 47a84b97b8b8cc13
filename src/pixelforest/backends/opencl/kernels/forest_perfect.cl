// Shallow trees as perfect ones of depth DEPTH: every node compares vectors of 16 rows, `select` picks the leaf.
// Trees are the outer loop; nodes and leaves are uniform scalar loads.

#define INNER ((1 << DEPTH) - 1)
#define VECTORS (ROWS / 16)
// Macros, not loops over arrays: what compilers do not unroll stays in memory, 10 times slower.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(SUM, 16) Sums;
#define BELOW JOIN(BELOW_, DEPTH)
#define CONVERT JOIN(JOIN(convert_, SUM), 16)

// The value that rows find below node `n` (heap order), at a distance of 0 to 4 from the leaves.
#define GOES_RIGHT(n) (as_int16(as_uint16(keys[nodes[n].x * VECTORS + vector]) + (uint)nodes[n].z) > nodes[n].y)
#define BELOW_0(n) ((uint16)(leaves[((n) - INNER) * STORED + class]))
#define BELOW_1(n) select(BELOW_0(2 * (n) + 1), BELOW_0(2 * (n) + 2), GOES_RIGHT(n))
#define BELOW_2(n) select(BELOW_1(2 * (n) + 1), BELOW_1(2 * (n) + 2), GOES_RIGHT(n))
#define BELOW_3(n) select(BELOW_2(2 * (n) + 1), BELOW_2(2 * (n) + 2), GOES_RIGHT(n))
#define BELOW_4(n) select(BELOW_3(2 * (n) + 1), BELOW_3(2 * (n) + 2), GOES_RIGHT(n))

// The hint keeps compilers from vectorising across work-items: that would take the vectors apart.
kernel __attribute__((vec_type_hint(int16))) void
forest_perfect(global const float *values, ulong row_stride, ulong feature_stride, ulong first_row, ulong n_rows,
               global const int *columns, int n_columns, global const int4 *nodes, int n_trees,
               global const uint *leaves, SUM whole, SUM margin, global RESULT *results, global uchar *is_close) {
    const ulong first = get_global_id(0) * ROWS;
    const Rows rows = {values + first_row * row_stride, row_stride, feature_stride, n_rows, columns, n_columns};
    int16 keys[CAPACITY * VECTORS];
    load_keys(&rows, first, (int *)keys);
    Sums sums[STORED * VECTORS];
    for (int i = 0; i < STORED * VECTORS; i++)
        sums[i] = 0;
    for (int tree = 0; tree < n_trees; tree++, nodes += INNER, leaves += (INNER + 1) * STORED)
#pragma unroll
        for (int vector = 0; vector < VECTORS; vector++)
#pragma unroll
            for (int class = 0; class < STORED; class++)
                sums[class * VECTORS + vector] += CONVERT(BELOW(0));
    const Decision decision = {whole, margin, n_rows, results, is_close};
    for (int row = 0; row < ROWS; row++)
        if (first + row < n_rows)
            decide(&decision, (const SUM *)sums, row, first + row);
}
