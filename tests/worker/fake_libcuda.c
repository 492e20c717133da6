/* A GPU that does not exist, as a shared library: the calls that a worker makes, with the types that NVIDIA declares.
 *
 * What fake_cuda.py cannot show is seen here: that ctypes hands over what the driver reads. Device memory is the host's.
 * Work on a stream waits until the stream is synchronised; while the stream is captured it goes into the graph.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult, CUdevice;
typedef unsigned long long CUdeviceptr;
enum { DONE, INVALID_VALUE, NO_MEMORY, NOT_INITIALISED, NO_CONTEXT = 201, NO_HANDLE = 400, WRONG_STATE,
       NOT_FOUND = 500, NOT_READY = 600, CAPTURING = 900, SPOILED };
enum { WORK = 64, COPY_MS = 1 };

typedef struct { double at_ms; int reached; } Event;
typedef struct { void *to; const void *from; size_t size; Event *event; } Work;
typedef struct { Work work[WORK]; int length; } List;
typedef struct { List waiting, *capture; int spoiled; } Stream;

static int initialised, current, refusal;
static unsigned flags;
static size_t free_bytes = 1 << 20;
static double now_ms;

/* For tests: what cuInit answers from now on, and the flags that the context has. */
void fake_refuse(int code) { refusal = code; initialised = current = 0; }
unsigned fake_flags(void) { return flags; }

#define NEEDS_CONTEXT do { if (!initialised) return NOT_INITIALISED; if (!current) return NO_CONTEXT; } while (0)

CUresult cuInit(unsigned f) { initialised = f == 0 && !refusal; return f ? INVALID_VALUE : refusal; }

CUresult cuGetErrorString(CUresult code, const char **text)
{
    *text = code == NO_MEMORY ? "out of memory" : code == NO_CONTEXT ? "invalid device context"
          : code == NO_HANDLE ? "invalid resource handle" : code == CAPTURING
          ? "operation not permitted when stream is capturing"
          : code == SPOILED ? "operation failed due to a previous error during capture"
          : code == 100 ? "no CUDA-capable device is detected" : "another error";
    return DONE;
}

CUresult cuDeviceGetCount(int *count) { *count = 2; return initialised ? DONE : NOT_INITIALISED; }
CUresult cuDeviceGet(CUdevice *device, int number) { *device = 70 + number; return number < 2 ? DONE : 101; }

CUresult cuDeviceGetName(char *name, int size, CUdevice device)
{
    snprintf(name, size, "Acme %d", device - 70);
    return DONE;
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
    *value = attribute == 16 ? 8 : attribute == 75 ? 5 : attribute == 76 ? 3 : -1;
    return device >= 70 ? DONE : 101;
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned f) { flags = f; return device >= 70 ? DONE : 101; }
CUresult cuDevicePrimaryCtxRetain(void **context, CUdevice device) { *context = &current; return device >= 70 ? DONE : 101; }
CUresult cuCtxSetCurrent(void *context) { current = context == &current; return current ? DONE : NO_CONTEXT; }
CUresult cuCtxSynchronize(void) { NEEDS_CONTEXT; return DONE; }

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size)
{
    NEEDS_CONTEXT;
    if (size == 0) return INVALID_VALUE;
    if (size > free_bytes) return NO_MEMORY;
    free_bytes -= size;
    *address = (CUdeviceptr) malloc(size);
    return DONE;
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total)
{
    NEEDS_CONTEXT;
    *free = free_bytes;
    *total = 1 << 20;
    return DONE;
}

CUresult cuMemHostAlloc(void **address, size_t size, unsigned f)
{
    NEEDS_CONTEXT;
    *address = malloc(size);
    return f == 0 && size ? DONE : INVALID_VALUE;
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size)
{
    NEEDS_CONTEXT;
    memcpy((void *) to, from, size);
    return DONE;
}

static CUresult put(Stream *stream, Work work)
{
    List *list = stream->capture ? stream->capture : &stream->waiting;
    if (list->length == WORK) return INVALID_VALUE;
    list->work[list->length++] = work;
    return DONE;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, Stream *stream)
{
    NEEDS_CONTEXT;
    return put(stream, (Work) {(void *) to, from, size, NULL});
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, Stream *stream)
{
    NEEDS_CONTEXT;
    return put(stream, (Work) {to, (void *) from, size, NULL});
}

CUresult cuStreamCreate(Stream **stream, unsigned f)
{
    NEEDS_CONTEXT;
    *stream = calloc(1, sizeof **stream);
    return f <= 1 ? DONE : INVALID_VALUE;
}

CUresult cuStreamSynchronize(Stream *stream)
{
    NEEDS_CONTEXT;
    if (stream->capture) { stream->spoiled = 1; return CAPTURING; }
    for (int i = 0; i < stream->waiting.length; i++) {
        Work *work = &stream->waiting.work[i];
        if (work->event) { work->event->at_ms = now_ms; work->event->reached = 1; }
        else { memcpy(work->to, work->from, work->size); now_ms += COPY_MS; }
    }
    stream->waiting.length = 0;
    return DONE;
}

CUresult cuEventCreate(Event **event, unsigned f) { NEEDS_CONTEXT; *event = calloc(1, sizeof **event); return f; }

CUresult cuEventRecord(Event *event, Stream *stream)
{
    NEEDS_CONTEXT;
    event->reached = 0;
    return put(stream, (Work) {NULL, NULL, 0, event});
}

CUresult cuEventElapsedTime(float *ms, Event *begin, Event *end)
{
    *ms = (float) (end->at_ms - begin->at_ms);
    return begin->reached && end->reached ? DONE : NOT_READY;
}

CUresult cuModuleLoadData(void **module, const void *image)
{
    NEEDS_CONTEXT;
    *module = &initialised;
    return strstr(image, ".visible .entry copy(") ? DONE : 218;
}

CUresult cuModuleGetFunction(void **function, void *module, const char *name)
{
    *function = &now_ms;
    return module == &initialised && !strcmp(name, "copy") ? DONE : NOT_FOUND;
}

CUresult cuLaunchKernel(void *function, unsigned blocks, unsigned by, unsigned bz, unsigned threads, unsigned ty,
                        unsigned tz, unsigned shared, Stream *stream, void **arguments, void **extra)
{
    NEEDS_CONTEXT;
    if (function != &now_ms || by != 1 || bz != 1 || ty != 1 || tz != 1 || shared || extra || !blocks || !threads)
        return INVALID_VALUE;
    CUdeviceptr from = *(CUdeviceptr *) arguments[0], to = *(CUdeviceptr *) arguments[1];
    return put(stream, (Work) {(void *) to, (void *) from, 16 * *(size_t *) arguments[2], NULL});
}

CUresult cuStreamBeginCapture_v2(Stream *stream, int mode)
{
    NEEDS_CONTEXT;
    if (stream->capture) return WRONG_STATE;
    stream->capture = calloc(1, sizeof(List));
    stream->spoiled = 0;
    return mode == 1 ? DONE : INVALID_VALUE;
}

CUresult cuStreamEndCapture(Stream *stream, List **graph)
{
    if (!stream->capture) return WRONG_STATE;
    *graph = stream->capture;
    stream->capture = NULL;
    return stream->spoiled ? SPOILED : DONE;
}

CUresult cuGraphInstantiateWithFlags(List **executable, List *graph, unsigned long long f)
{
    *executable = graph;
    return graph && !f ? DONE : NO_HANDLE;
}

CUresult cuGraphLaunch(List *executable, Stream *stream)
{
    NEEDS_CONTEXT;
    for (int i = 0; i < executable->length; i++)
        if (put(stream, executable->work[i])) return INVALID_VALUE;
    return DONE;
}
