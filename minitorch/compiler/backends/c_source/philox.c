// Philox 4x64 with 10 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, 2011), with the
// blocks in NumPy's order: the first number of the counter is 1, 2, 3, ...
static void philox(uint64_t block, uint64_t counter, uint64_t key0, uint64_t key1, uint64_t out[4])
{
    uint64_t x[4] = {block, counter, 0, 0};
    for (int round = 0; round < 10; round++) {
        const unsigned __int128 a = (unsigned __int128)UINT64_C(0xD2E7470EE14C6C93) * x[0];
        const unsigned __int128 b = (unsigned __int128)UINT64_C(0xCA5A826395121157) * x[2];
        const uint64_t next[4] = {(uint64_t)(b >> 64) ^ x[1] ^ key0, (uint64_t)b, (uint64_t)(a >> 64) ^ x[3] ^ key1, (uint64_t)a};
        memcpy(x, next, sizeof x);
        key0 += UINT64_C(0x9E3779B97F4A7C15);
        key1 += UINT64_C(0xBB67AE8584CAA73B);
    }
    memcpy(out, x, sizeof x);
}

// uniform numbers from [0, 1): 53 bits of each 64 for a double, 24 of each 32 for a float
static void uniform_f64(long n, uint64_t counter, uint64_t key0, uint64_t key1, double *y)
{
    uint64_t bits[4];
    for (long i = 0; i < n; i++) {
        if (i % 4 == 0) philox((uint64_t)(i / 4 + 1), counter, key0, key1, bits);
        y[i] = (double)(bits[i % 4] >> 11) * 0x1p-53;
    }
}

static void uniform_f32(long n, uint64_t counter, uint64_t key0, uint64_t key1, float *y)
{
    uint64_t bits[4];
    for (long i = 0; i < n; i++) {
        if (i % 8 == 0) philox((uint64_t)(i / 8 + 1), counter, key0, key1, bits);
        const uint32_t half = (uint32_t)(i % 2 ? bits[i % 8 / 2] >> 32 : bits[i % 8 / 2]);
        y[i] = (float)(half >> 8) * 0x1p-24f;
    }
}
