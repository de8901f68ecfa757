#include <pthread.h>
#include <sched.h>
#include <time.h>

#define MOST_THREADS 64
#define SPINS 200000 // some 50 microseconds: longer than the shares of a loop differ, shorter than a turn of the system

struct team { // threads that run one program together, each its share of every loop
    long size;
    long parts; // of sums over several blocks: as many as there may be threads, so that the bits are those of any number
    int failed; // whether an index is not there
    int dismissed; // whether the first goes on alone
    long waiting __attribute__((aligned(64)));
    long round __attribute__((aligned(64))); // what the others look at, on a line of its own
    long asleep;
    pthread_mutex_t lock; // of those who sleep
    pthread_cond_t changed;
};

static void change(struct team *team, long *value, long to)
{
    __atomic_store_n(value, to, __ATOMIC_SEQ_CST); // who is not seen asleep below will see this before it sleeps
    if (!__atomic_load_n(&team->asleep, __ATOMIC_SEQ_CST)) return;
    pthread_mutex_lock(&team->lock);
    pthread_mutex_unlock(&team->lock);
    pthread_cond_broadcast(&team->changed);
}

// wait until a value is no longer that. A thread that waits long sleeps: whom it waits for has lost its processor, and
// who only yields may yield to others for as long as these like.
static void await_change(struct team *team, const long *value, long from)
{
    for (long spins = 0; spins < SPINS; spins++)
        if (__atomic_load_n(value, __ATOMIC_ACQUIRE) != from) return;
    pthread_mutex_lock(&team->lock);
    __atomic_add_fetch(&team->asleep, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(value, __ATOMIC_SEQ_CST) == from) pthread_cond_wait(&team->changed, &team->lock);
    __atomic_sub_fetch(&team->asleep, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&team->lock);
}

// nobody goes on before all are here
static APART void barrier(struct team *team)
{
    const long size = team->size; // which may be another one as soon as the last is here
    if (size == 1) return;
    const long round = __atomic_load_n(&team->round, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->waiting, 1, __ATOMIC_ACQ_REL) == size) {
        team->waiting = 0;
        change(team, &team->round, round + 1);
        return;
    }
    await_change(team, &team->round, round);
}

// where share `me` of so many begins, in whole pieces of `size`
static APART long share(long total, long size, long me, long shares)
{
    if (shares == 1) return me ? total : 0;
    const long pieces = (total + size - 1) / size;
    return smaller(total, pieces * me / shares * size);
}
