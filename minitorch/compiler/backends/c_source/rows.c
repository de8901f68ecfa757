struct column { // an input that is taken row by row
    const char *rows;
    char *gathered; // room for the rows of a batch, where they are taken out of order
    long bytes; // of a row
    long place; // in the table
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
};

// point the table at the batch of step `s` and at where its results go; copy its rows `from` to `to` where they are
// taken out of order
static inline void hand_over(const struct job *job, long s, long from, long to, void **m)
{
    const long start = job->first + s * job->size;
    for (long c = 0; c < job->inputs; c++) {
        const struct column x = job->columns[c];
        m[x.place] = job->order ? x.gathered : (void *)(x.rows + start * x.bytes);
        for (long i = from; job->order && i < to; i++)
            memcpy(x.gathered + i * x.bytes, x.rows + job->order[start + i] * x.bytes, (size_t)x.bytes);
    }
    for (long r = 0; r < job->outputs; r++) {
        const struct result y = job->results[r];
        m[y.place] = y.values + (y.by_rows ? start : job->number + s) * y.bytes;
    }
}
