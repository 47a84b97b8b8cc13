// The decision for a single row: sums[i * ROWS + row].

inline SUM score_of(const SUM *sums, int row, int class, SUM *rest) {
#if RULE == SIGN
    return class == 0 ? (SUM)0 : sums[row];
#elif RULE == COMPLEMENT
    if (class == STORED)
        return *rest;
    const SUM sum = sums[class * ROWS + row];
    *rest -= min(sum, *rest);
    return sum;
#else
    return sums[class * ROWS + row];
#endif
}

inline void decide(const Decision *to, const SUM *sums, int row, ulong position) {
    SUM rest = to->whole, top = 0, second = 0;
    uint winner = 0;
    for (int class = 0; class < CLASSES; class ++) {
        const SUM score = score_of(sums, row, class, &rest);
        second = class == 0 ? score : class == 1 ? min(top, score) : max(second, min(top, score));
        winner = class != 0 && score > top ? class : winner;
        top = class == 0 ? score : max(top, score);
#if OUTPUT == SUMS && RULE != SIGN
        to->results[position * SCORES + class] = score;
#elif OUTPUT == PROBABILITIES
        to->results[class * to->n_rows + position] = (float)score / (float)to->whole;
#endif
    }
#if OUTPUT == SUMS && RULE == SIGN
    to->results[position] = sums[row];
#elif OUTPUT == LABELS
    to->results[position] = winner;
#endif
    if (to->margin) {
        const int close = CLASSES > 1 && top - second < to->margin;
        to->is_close[position] = close;
        if (close)
            atomic_inc(to->n_close);
    }
}
