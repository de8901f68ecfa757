int step(const struct job *job)
{
    return all(job->n, job->m);
}

// make the steps of a job; returns how many were made
long run(const struct job *job)
{
    void *m[TABLE];
    memcpy(m, job->m, sizeof m);
    for (long s = 0; s < job->steps; s++) {
        hand_over(job, s, 0, job->size, m);
        if (all(job->n, m)) return s;
    }
    return job->steps;
}
