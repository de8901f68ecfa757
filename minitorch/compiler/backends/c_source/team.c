#include <pthread.h>
#include <sched.h>

#define MOST_THREADS 64

struct team { // threads that run one program together, each its share of every loop
    long size;
    int failed; // whether an index is not there
    long waiting, round;
};

// nobody goes on before all are here
static APART void barrier(struct team *team)
{
    if (team->size == 1) return;
    const long round = __atomic_load_n(&team->round, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->waiting, 1, __ATOMIC_ACQ_REL) == team->size) {
        team->waiting = 0;
        __atomic_store_n(&team->round, round + 1, __ATOMIC_RELEASE);
        return;
    }
    for (long spins = 0; __atomic_load_n(&team->round, __ATOMIC_ACQUIRE) == round; spins++)
        if (spins > 20000) sched_yield(); // somebody has lost its processor
}

// where the share of thread `me` begins, in whole pieces of `size`
static APART long share(long total, long size, long me, const struct team *team)
{
    if (team->size == 1) return me ? total : 0;
    const long pieces = (total + size - 1) / size;
    return smaller(total, pieces * me / team->size * size);
}
