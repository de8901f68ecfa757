struct column { // an input that is taken row by row
    const char *rows;
    char *gathered; // room for the rows of a batch, where they are taken out of order
    long bytes; // of a row
    long place; // in the table
    long order; // where in the table the order goes, if rows are read where they lie; else 0
};

struct result { // an output, a row or a step after the other
    char *values;
    long bytes;
    long place;
    long by_rows;
};

struct job { // `steps` batches of `size` rows, from row `first` in the order; `number` counts the steps before them
    const long *n;
    void *const *m;
    const int64_t *order;
    long first, steps, size, number;
    const struct column *columns;
    long inputs;
    const struct result *results;
    long outputs;
    long threads; // that may share a step
    long parts; // of sums over several blocks: as many as there may ever be threads
};

// point the table at the batch of step `s` and at where its results go; copy its rows `from` to `to` where they are
// taken out of order, unless they are read where they lie
static inline void hand_over(const struct job *job, long s, long from, long to, void **m)
{
    const long start = job->first + s * job->size;
    for (long c = 0; c < job->inputs; c++) {
        const struct column x = job->columns[c];
        const int64_t *order = job->order ? job->order + start : 0;
        m[x.place] = (void *)(!order ? x.rows + start * x.bytes : x.order ? x.rows : x.gathered);
        if (x.order) m[x.order] = (void *)order;
        for (long i = from; order && !x.order && i < to; i++)
            memcpy(x.gathered + i * x.bytes, x.rows + order[i] * x.bytes, (size_t)x.bytes);
    }
    for (long r = 0; r < job->outputs; r++) {
        const struct result y = job->results[r];
        m[y.place] = y.values + (y.by_rows ? start : job->number + s) * y.bytes;
    }
}
