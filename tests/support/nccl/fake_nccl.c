// A library with NCCL's interface that sums memory of the host. Its processes share a file, whose name is
// in the id. FAKE_NCCL chooses a fault: old, refuse, wrong, stuck (in the second process). It crashes where the real one may: when a
// communicator is used that was broken off, and when a process ends as usual that has such a one.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANKS 4
#define FLOATS 4096
#define SUMS 8

enum { success = 0, invalidArgument = 4, invalidUsage = 5, remoteError = 6, inProgress = 7 };

typedef struct { char internal[128]; } Id;

typedef struct {
  volatile int joined, left, broken;
  // Sums that each process gave its numbers for, and that it took.
  volatile int given[RANKS], taken[RANKS];
  float numbers[RANKS][FLOATS];
} Shared;

typedef struct {
  Shared *shared;
  int rank, size, sums, isFinal, isDead;
  struct { float *numbers; size_t count; } waiting[SUMS];
  int count;
  char path[64];
} Communicator;

static char last[256];
static int wasBroken;

__attribute__((destructor)) static void end(void) {
  if (wasBroken) abort();
}

static void requireAlive(const Communicator *c) {
  if (c->isDead) abort();
}

static int is(const char *fault) {
  const char *given = getenv("FAKE_NCCL");
  return given != NULL && strcmp(given, fault) == 0;
}

// Every byte of the id counts: a part of it alone would be another id.
static unsigned char check(const Id *id, int at) {
  unsigned sum = 17;
  for (int i = 0; i < 64; i++) sum = sum * 31 + (unsigned char)id->internal[i];
  return (unsigned char)(sum + 7 * at);
}

int ncclGetVersion(int *version) {
  *version = is("old") ? 21706 : 22705;
  return success;
}

int ncclGetUniqueId(Id *id) {
  memset(id, 0, sizeof *id);
  snprintf(id->internal, 64, "%s/nccl-XXXXXX", getenv("FAKE_NCCL_FOLDER"));
  int file = mkstemp(id->internal);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) return 2;
  close(file);
  for (int at = 64; at < 128; at++) id->internal[at] = (char)check(id, at);
  return success;
}

int ncclCommInitRankConfig(void **out, int size, Id id, int rank, const void *config) {
  uint64_t bytes;
  uint32_t words[2];
  int32_t blocking;
  memcpy(&bytes, config, 8);
  memcpy(words, (const char *)config + 8, 8);
  memcpy(&blocking, (const char *)config + 16, 4);
  if (bytes != 40 || words[0] != 0xcafebeef || words[1] != 21700 || blocking != 0) {
    snprintf(last, sizeof last, "the configuration is none");
    return invalidArgument;
  }
  for (int at = 64; at < 128; at++) {
    if ((unsigned char)id.internal[at] == check(&id, at)) continue;
    snprintf(last, sizeof last, "byte %d of the id is wrong", at);
    return invalidArgument;
  }
  if (is("refuse")) {
    snprintf(last, sizeof last, "Duplicate GPU detected");
    return invalidUsage;
  }
  Communicator *made = calloc(1, sizeof *made);
  int file = open(id.internal, O_RDWR);
  made->shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  memcpy(made->path, id.internal, sizeof made->path);
  made->rank = rank;
  made->size = size;
  __sync_fetch_and_add(&made->shared->joined, 1);
  *out = made;
  return inProgress;
}

int ncclGroupStart(void) { return success; }
int ncclGroupEnd(void) {
  while (is("stuck") && strcmp(getenv("RANK"), "1") == 0) usleep(1000);
  return inProgress;
}

int ncclAllReduce(const float *from, float *to, size_t count, int type, int op, Communicator *c, void *stream) {
  requireAlive(c);
  if (from != to || type != 7 || op != 0 || stream == NULL || count > FLOATS || c->count == SUMS) {
    return invalidArgument;
  }
  c->waiting[c->count].numbers = to;
  c->waiting[c->count++].count = count;
  return success;
}

static int reached(Communicator *c, volatile int *counts, int least) {
  for (int r = 0; r < c->size; r++) if (counts[r] < least) return 0;
  return 1;
}

// One thing at a time, whenever it is asked; tells whether all is done.
static int advance(Communicator *c) {
  Shared *s = c->shared;
  while (c->count > 0) {
    float *numbers = c->waiting[0].numbers;
    size_t count = c->waiting[0].count;
    if (s->given[c->rank] == c->sums) {
      if (!reached(c, s->taken, c->sums)) return 0;
      memcpy(s->numbers[c->rank], numbers, count * sizeof *numbers);
      __sync_synchronize();
      s->given[c->rank] = c->sums + 1;
    }
    if (!reached(c, s->given, c->sums + 1)) return 0;
    for (size_t i = 0; i < count; i++) {
      float sum = is("wrong") ? 1 : 0;
      for (int r = 0; r < c->size; r++) sum += s->numbers[r][i];
      numbers[i] = sum;
    }
    __sync_synchronize();
    s->taken[c->rank] = ++c->sums;
    memmove(c->waiting, c->waiting + 1, sizeof *c->waiting * --c->count);
  }
  return c->isFinal ? s->left == c->size : s->joined == c->size;
}

int ncclCommGetAsyncError(Communicator *c, int *state) {
  requireAlive(c);
  *state = c->shared->broken ? remoteError : advance(c) ? success : inProgress;
  return success;
}

int ncclCommFinalize(Communicator *c) {
  requireAlive(c);
  c->isFinal = 1;
  __sync_fetch_and_add(&c->shared->left, 1);
  return inProgress;
}

int ncclCommDestroy(Communicator *c) {
  requireAlive(c);
  if (!c->isFinal) return invalidUsage;
  unlink(c->path);
  munmap(c->shared, sizeof(Shared));
  c->isDead = 1;
  return success;
}

int ncclCommAbort(Communicator *c) {
  requireAlive(c);
  wasBroken = 1;
  c->shared->broken = 1;
  c->isFinal = 1;
  return ncclCommDestroy(c);
}

const char *ncclGetErrorString(int result) { return result == invalidUsage ? "invalid usage" : "another error"; }
const char *ncclGetLastError(void *communicator) { return communicator == NULL ? last : ""; }
