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
    for (x->made = 0; x->made < job->steps; x->made++) {
        hand_over(job, x->made, share(job->size, 1, x->me, x->team), share(job->size, 1, x->me + 1, x->team), m);
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

// make the steps of a job with that many threads, or as many as can be had; returns how many steps were made. No
// thread is left when it ends, so that a process can be forked at any other time.
PLAIN long run(const struct job *job, long threads)
{
    pthread_t others[MOST_THREADS];
    struct member members[MOST_THREADS];
    struct team team = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_attr_t attributes;
    long started = 1;
    pthread_attr_init(&attributes);
    elsewhere(&attributes);
    for (long t = 0; t < threads; t++) members[t] = (struct member){job, &team, t, 0};
    while (started < threads && !pthread_create(&others[started], &attributes, work, &members[started])) started++;
    pthread_attr_destroy(&attributes);
    change(&team, &team.size, started);
    work(&members[0]);
    for (long t = 1; t < started; t++) pthread_join(others[t], 0);
    return members[0].made;
}

PLAIN int step(const long *n, void *const *m, long threads)
{
    const struct job job = {.n = n, .m = m, .steps = 1};
    return run(&job, threads) == 0;
}
