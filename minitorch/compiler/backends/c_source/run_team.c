#define TRIALS 16 // meetings

// Whether a step is done sooner by all of a team than by one: what sharing saves, if a core computes as fast as it can, is
// more than four times what the meetings take, for after each there is data to fetch. It is tried, as no other way tells
// how far from each other the processors are; a machine that is not our own may even move them.
static PLAIN int worth(const struct job *job, struct team *team, long me)
{
    struct timespec from, to;
    barrier(team); // until all are awake
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long t = 0; t < TRIALS; t++) barrier(team);
    clock_gettime(CLOCK_MONOTONIC, &to);
    if (me == 0) {
        const double taken = 1e9 * (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec);
        const double saved = flops(job->n) / FLOPS_PER_NS * (double)(team->size - 1) / (double)team->size;
        team->dismissed = saved < 4 * taken / TRIALS * MEETINGS;
    }
    barrier(team);
    return !team->dismissed;
}

struct member {
    const struct job *job;
    struct team *team;
    long me;
    long made; // steps
};

static void *work(void *member)
{
    struct member *x = member;
    const struct job *job = x->job;
    void *m[TABLE]; // each thread points its own at the batch
    await_change(x->team, &x->team->size, 0); // until all have been started
    memcpy(m, job->m, sizeof m);
    if (job->steps > 1 && x->team->size > 1 && !worth(job, x->team, x->me)) {
        if (x->me) return 0;
        x->team->size = 1;
    }
    for (x->made = 0; x->made < job->steps; x->made++) {
        hand_over(job, x->made, share(job->size, 1, x->me, x->team->size),
                  share(job->size, 1, x->me + 1, x->team->size), m);
        barrier(x->team);
        if (all(job->n, m, x->me, x->team)) return 0;
    }
    return 0;
}

// the others start on another processor than this one, where the system may leave them for longer than a job takes
static PLAIN void elsewhere(pthread_attr_t *attributes)
{
    (void)attributes;
#ifdef __GLIBC__
    cpu_set_t allowed;
    const int here = sched_getcpu();
    if (here < 0 || pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed)) return;
    CPU_CLR(here, &allowed);
    if (CPU_COUNT(&allowed)) pthread_attr_setaffinity_np(attributes, sizeof allowed, &allowed);
#endif
}

// make the steps of a job with its threads, or as many as can be had and are worth it; returns how many steps were made.
// No thread is left when it ends, so that a process can be forked at any other time.
PLAIN long run(const struct job *job)
{
    pthread_t others[MOST_THREADS];
    struct member members[MOST_THREADS];
    struct team team = {.parts = job->parts, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_attr_t attributes;
    const long threads = job->threads;
    long started = 1;
    for (long t = 0; t < threads; t++) members[t] = (struct member){job, &team, t, 0};
    pthread_attr_init(&attributes);
    if (threads > 1) elsewhere(&attributes);
    while (started < threads && !pthread_create(&others[started], &attributes, work, &members[started])) started++;
    pthread_attr_destroy(&attributes);
    change(&team, &team.size, started);
    work(&members[0]);
    for (long t = 1; t < started; t++) pthread_join(others[t], 0);
    return members[0].made;
}

PLAIN int step(const struct job *job)
{
    struct team alone = {.size = 1, .parts = job->parts};
    return job->threads > 1 ? run(job) == 0 : all(job->n, job->m, 0, &alone);
}
