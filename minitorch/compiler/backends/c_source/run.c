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

// `steps` batches of `size` rows, from row `first` in the order; `number` counts the steps before them
long run(const long *n, void **m, const int64_t *order, long first, long steps, long size, long number,
         const struct column *columns, long inputs, const struct result *results, long outputs)
{
    for (long s = 0; s < steps; s++) {
        const long start = first + s * size;
        for (long c = 0; c < inputs; c++) {
            const struct column x = columns[c];
            m[x.place] = order ? x.gathered : (void *)(x.rows + start * x.bytes);
            for (long i = 0; order && i < size; i++)
                memcpy(x.gathered + i * x.bytes, x.rows + order[start + i] * x.bytes, (size_t)x.bytes);
        }
        for (long r = 0; r < outputs; r++) {
            const struct result y = results[r];
            m[y.place] = y.values + (y.by_rows ? start : number + s) * y.bytes;
        }
        if (step(n, m)) return s;
    }
    return steps;
}
