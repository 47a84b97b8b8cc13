// From the sums of a row to what is asked for. OUTPUT is one of:
#define SUMS 0          // fixed-point sums, (n_rows, CLASSES)
#define PROBABILITIES 1 // float, (CLASSES, n_rows)
#define LABELS 2        // index of the first class with the largest sum, (n_rows)
// SUM: type of a sum; RESULT: type of a result; STORED: classes that leaves hold, the last one is what they leave over.

typedef struct {
    SUM whole;  // what the sums of all classes add up to
    SUM margin; // classes closer than this are left to the host
    ulong n_rows;
    global RESULT *results;
    global uchar *is_close;
} Decision;

// sums[class * ROWS + row]
inline void decide(const Decision *to, const SUM *sums, int row, ulong position) {
    SUM top = 0, second = 0, rest = to->whole;
    uint winner = 0;
    for (uint class = 0; class < CLASSES; class++) {
        SUM sum = rest;
        if (class < STORED) {
            sum = sums[class * ROWS + row];
            rest -= min(sum, rest);
        }
        if (sum > top || class == 0) {
            second = top;
            top = sum;
            winner = class;
        } else {
            second = max(second, sum);
        }
#if OUTPUT == SUMS
        to->results[position * CLASSES + class] = sum;
#elif OUTPUT == PROBABILITIES
        to->results[class * to->n_rows + position] = (float)sum / (float)to->whole;
#endif
    }
#if OUTPUT == LABELS
    to->results[position] = winner;
#endif
    to->is_close[position] = top - second < to->margin;
}
