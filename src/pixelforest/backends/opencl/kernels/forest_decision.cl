// From the sums of a row to what is asked for. OUTPUT is one of:
#define SUMS 0          // fixed-point scores, (n_rows, SCORES)
#define PROBABILITIES 1 // float, (SCORES, n_rows)
#define LABELS 2        // index of the first class with the largest score, (n_rows)
#define LEAVES 3        // row of the leaf that is reached, (n_rows, n_trees)
// RULE: what the scores of the classes are; STORED: how many sums are kept. SUM, LEAF, RESULT: types.
#define PLAIN 0      // the sums
#define COMPLEMENT 1 // the sums, and what they leave of the whole
#define SIGN 2       // 0 and the only sum

#if RULE == COMPLEMENT
#define SCORES (STORED + 1)
#else
#define SCORES STORED
#endif
#if RULE == SIGN
#define CLASSES 2
#else
#define CLASSES SCORES
#endif

typedef struct {
    SUM whole;  // what all sums add up to, for COMPLEMENT and PROBABILITIES
    SUM margin; // classes closer than this are left to the host
    ulong n_rows;
    global RESULT *results;
    global uchar *is_close;
    global uint *n_close; // how often it happened; not exactly, but 0 only if it never did
} Decision;
