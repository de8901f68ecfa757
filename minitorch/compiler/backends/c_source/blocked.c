#define LINE 64 // bytes of memory that come together
#define LINES_OF(count, T) (((count) * (long)sizeof(T) + LINE - 1) / LINE)

struct ahead { // what is read soon: some lines of each of some rows, a share of them asked for at a time
    const char *from;
    long step, lines, rows, share, line, row;
};

static inline void ask(struct ahead *x)
{
    for (long i = 0; i < x->share && x->row < x->rows; i++) {
        __builtin_prefetch(x->from + x->row * x->step + x->line * LINE);
        if (++x->line < x->lines) continue;
        x->line = 0;
        x->row++;
    }
}

// the size of parts of a total that are about equal, in whole units, and none of them above `most`
static inline long part_of(long total, long most, long unit)
{
    const long parts = larger(1, (total + most - 1) / most);
    return larger(1, (total + parts * unit - 1) / (parts * unit)) * unit;
}

// `width` rows or columns, k elements of each, side by side; zero where fewer are `there`. Vectors are written from the
// last of a row on: what they write past its end belongs to the next row, or to the first vectors, which come later.
#define STRIP(NAME, CROSSED, T, VECTOR, LANES) \
static void NAME(long width, long k, long there, const T *restrict x, long xr, long xc, T *restrict strip) \
{ \
    for (long w = (width - 1) / LANES * LANES; w >= 0; w -= LANES) { \
        const long some = smaller(width - w, LANES); \
        long t = 0; \
        for (; xr == 1 && w + LANES <= there && t < k; t++) \
            *(VECTOR *)(strip + t * width + w) = *(const VECTOR *)(x + t * xc + w); \
        for (; xc == 1 && w + LANES <= there && t + LANES <= k; t += LANES) \
            CROSSED(x + w * xr + t, xr, strip + t * width + w, width); \
        for (; t < k; t++) \
            for (long i = w; i < w + some; i++) strip[t * width + i] = i < there ? x[i * xr + t * xc] : 0; \
    } \
}

// c = f + alpha z for a tile of which only these rows and columns are there, or where f is not read row by row
#define EDGE(NAME, T, VECTOR, LANES, C) \
static void NAME(long rows, long columns, T alpha, const T *z, const T *f, long fr, long fc, T *c, long cr) \
{ \
    for (long r = 0; r < rows; r++) { \
        long j = 0; \
        for (; j + LANES <= columns && (!f || fc == 1); j += LANES) { \
            const VECTOR y = alpha * *(const VECTOR *)(z + r * C * LANES + j); \
            *(VECTOR *)(c + r * cr + j) = f ? *(const VECTOR *)(f + r * fr + j) + y : y; \
        } \
        for (; j < columns; j++) { \
            const T y = alpha * z[r * C * LANES + j]; \
            c[r * cr + j] = f ? f[r * fr + j * fc] + y : y; \
        } \
    } \
}

// c = f + alpha a b for a tile, of which these rows and columns are there; without f, c = alpha a b. Both strips are
// packed, that of a is AC rows wide. It comes from the second cache and is asked for on the way, and so is the tile
// that is `next`.
#define BLOCK(NAME, EDGED, T, VECTOR, LANES, R, C, AC) \
static void NAME(long rows, long columns, long k, T alpha, const T *restrict a, const T *restrict b, \
                 const T *f, long fr, long fc, T *c, long cr, const T *next) \
{ \
    VECTOR acc[R][C], bs[C]; \
    const long part = k / R + 1; \
    UNROLL for (int r = 0; r < R; r++) { \
        UNROLL for (int v = 0; v < C; v++) acc[r][v] = (VECTOR){0}; \
    } \
    for (long row = 0, t = 0; row < R; row++) { \
        UNROLL for (int v = 0; v < C; v++) __builtin_prefetch(next + row * cr + v * LANES, 1); \
        __builtin_prefetch(next + row * cr + C * LANES - 1, 1); /* in one line more, where none starts with c */ \
        for (const long end = smaller(k, t + part); t < end; t++) { \
            UNROLL for (long l = 0; l < LINES_OF(AC, T); l++) \
                __builtin_prefetch((const char *)(a + (t + LANES) * AC) + l * LINE); \
            UNROLL for (int v = 0; v < C; v++) bs[v] = *(const VECTOR *)(b + (t * C + v) * LANES); \
            STEP(a[t * AC + r], R, C, bs) \
        } \
    } \
    if (rows < R || columns < C * LANES || (f && fc != 1)) { \
        T z[R * C * LANES]; \
        memcpy(z, acc, sizeof z); \
        EDGED(smaller(R, rows), smaller(C * LANES, columns), alpha, z, f, fr, fc, c, cr); \
    } else if (f) { \
        UNROLL for (int r = 0; r < R; r++) { \
            UNROLL for (int v = 0; v < C; v++) \
                *(VECTOR *)(c + r * cr + v * LANES) = *(const VECTOR *)(f + r * fr + v * LANES) + alpha * acc[r][v]; \
        } \
    } else { \
        UNROLL for (int r = 0; r < R; r++) { \
            UNROLL for (int v = 0; v < C; v++) *(VECTOR *)(c + r * cr + v * LANES) = alpha * acc[r][v]; \
        } \
    } \
}

// c = f + alpha a b, or of its columns or rows the share of thread `me`. Of a, HEIGHT rows are packed at once, to stay
// in the second cache; of b, as many columns as fit into the first. `mine` has room for both.
#define BLOCKED(S, T, VECTOR, LANES, R, C, DEPTH, HEIGHT) \
STRIP(strip_##S, mt_cross_##S, T, VECTOR, LANES) \
EDGE(edge_##S, T, VECTOR, LANES, C) \
BLOCK(block_##S, edge_##S, T, VECTOR, LANES, R, C, R) \
BLOCK(block_8_##S, edge_##S, T, VECTOR, LANES, 8, C, R) \
BLOCK(block_4_##S, edge_##S, T, VECTOR, LANES, 4, C, R) \
void mt_blocked_##S(long me, long threads, long m, long n, long k, T alpha, const T *a, long ar, long ac, \
                    const T *b, long br, long bc, const T *f, long fr, long fc, T *c, long cr, T *mine) \
{ \
    const long unit = n >= m ? C * LANES : R, all = larger(m, n), shares = (all + unit - 1) / unit; \
    const long from = shares * me / threads * unit, to = smaller(all, shares * (me + 1) / threads * unit); \
    const long first = n >= m ? 0 : from, m1 = n >= m ? m : to, n0 = n >= m ? from : 0, n1 = n >= m ? to : n; \
    const long depth = part_of(k, DEPTH, 1), height = part_of(m1 - first, HEIGHT, R), pitch = depth * R + LANES; \
    T *const right = mine, *const left = right + DEPTH * C * LANES; \
    for (long t0 = 0; t0 == 0 || t0 < k; t0 += depth, f = c, fr = cr, fc = 1) { \
        const long kk = smaller(depth, k - t0), strips = larger(1, DEPTH / larger(1, kk)), wide = strips * C * LANES; \
        for (long i0 = first; i0 < m1; i0 += height) { \
            const long i1 = smaller(m1, i0 + height), tiles = (i1 - i0 + R - 1) / R; \
            const long piece = ar == 1 ? LINE / (long)sizeof(T) : depth; /* lines are read to their end */ \
            for (long t = 0; t < kk; t += piece) \
                for (long i = i0; i < i1; i += R) \
                    strip_##S(R, smaller(piece, kk - t), m - i, a + i * ar + (t0 + t) * ac, ar, ac, \
                              left + (i - i0) / R * pitch + t * R); \
            for (long j0 = n0; j0 < n1; j0 += wide) { \
                const long j1 = smaller(n1, j0 + wide), there = smaller(wide, n1 - j1); /* columns after these */ \
                const int down = br == 1; /* columns of b lie one after the other */ \
                const long step = (down ? bc : br) * (long)sizeof(T), lines = LINES_OF(down ? kk : there, T); \
                struct ahead x = {(const char *)(b + t0 * br + j1 * bc), step, lines, down ? there : kk, 0, 0, 0}; \
                if (there > 0 && (down || bc == 1)) x.share = lines * x.rows / (tiles * strips) + 1; \
                for (long j = j0; j < j1; j += C * LANES) \
                    strip_##S(C * LANES, kk, n - j, b + t0 * br + j * bc, bc, br, right + (j - j0) * kk); \
                for (long i = i0; i < i1; i += R) \
                    for (long j = j0; j < j1; j += C * LANES) { \
                        const T *const next = j + C * LANES < j1 ? c + i * cr + j + C * LANES : \
                                              i + R < i1 ? c + (i + R) * cr + j0 : c + i0 * cr + j1; \
                        ask(&x); \
                        (i1 - i > 8 ? block_##S : i1 - i > 4 ? block_8_##S : block_4_##S)( \
                            i1 - i, n1 - j, kk, alpha, left + (i - i0) / R * pitch, right + (j - j0) * kk, \
                            f ? f + i * fr + j * fc : f, fr, fc, c + i * cr + j, cr, next); \
                    } \
            } \
        } \
    } \
}
