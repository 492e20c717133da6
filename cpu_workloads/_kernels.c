/* The loops of the compute and the branch stressor. Behaviour after MiBench's bitcnts and stringsearch; own code.
 *
 * Both work without the GIL, so that the thread that reads the parent's words is never kept waiting.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

/* Makes the compiler forget what it knows about a value. Without it, gcc on aarch64 turns the clearing loop into
 * one `cnt` instruction, and clang unrolls the filling of the table: the kernel would no longer be what it says. */
#define FORGET(value) __asm__ volatile("" : "+r"(value))

/* ---- bitcount: seven ways to count the ones of a word ---- */

enum { WAYS = 7, WORD_STEP = 13 };

static const uint8_t nibble_ones[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
static uint8_t byte_ones[256]; /* filled when the module is loaded */

static unsigned clear_lowest(uint32_t word)
{
    unsigned ones = 0;

    while (word != 0) {
        word &= word - 1;
        FORGET(word);
        ones++;
    }
    return ones;
}

static unsigned add_in_parallel(uint32_t word)
{
    word = (word & 0x55555555u) + ((word >> 1) & 0x55555555u);
    word = (word & 0x33333333u) + ((word >> 2) & 0x33333333u);
    word = (word & 0x0f0f0f0fu) + ((word >> 4) & 0x0f0f0f0fu);
    word = (word & 0x00ff00ffu) + ((word >> 8) & 0x00ff00ffu);
    return (word & 0xffffu) + (word >> 16);
}

static unsigned nibbles_recursively(uint32_t word)
{
    unsigned ones = nibble_ones[word & 15u];
    uint32_t rest = word >> 4;

    return rest == 0 ? ones : ones + nibbles_recursively(rest);
}

static unsigned nibbles_at_once(uint32_t word)
{
    return nibble_ones[word & 15u] + nibble_ones[(word >> 4) & 15u] + nibble_ones[(word >> 8) & 15u] +
           nibble_ones[(word >> 12) & 15u] + nibble_ones[(word >> 16) & 15u] + nibble_ones[(word >> 20) & 15u] +
           nibble_ones[(word >> 24) & 15u] + nibble_ones[word >> 28];
}

static unsigned bytes_by_union(uint32_t word)
{
    union {
        uint32_t word;
        uint8_t byte[4];
    } view = {.word = word};

    return byte_ones[view.byte[0]] + byte_ones[view.byte[1]] + byte_ones[view.byte[2]] + byte_ones[view.byte[3]];
}

static unsigned bytes_by_pointer(uint32_t word)
{
    const unsigned char *byte = (const unsigned char *)&word;
    unsigned ones = byte_ones[*byte++];

    ones += byte_ones[*byte++];
    ones += byte_ones[*byte++];
    return ones + byte_ones[*byte];
}

static unsigned shift_and_test(uint32_t word)
{
    unsigned ones = 0;

    for (unsigned bit = 0; bit < 32; bit++) {
        FORGET(bit); /* between the two exits, which gcc on aarch64 would fuse into one branch */
        if (word == 0) {
            break;
        }
        ones += word & 1u;
        word >>= 1;
    }
    return ones;
}

static unsigned (*const ways[WAYS])(uint32_t) = {
    clear_lowest,   add_in_parallel,  nibbles_recursively, nibbles_at_once,
    bytes_by_union, bytes_by_pointer, shift_and_test,
};

static PyObject *bitcount(PyObject *Py_UNUSED(module), PyObject *args)
{
    unsigned int seed;
    unsigned int iterations;
    uint64_t totals[WAYS];

    if (!PyArg_ParseTuple(args, "II:bitcount", &seed, &iterations)) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (unsigned way = 0; way < WAYS; way++) {
        unsigned (*count)(uint32_t) = ways[way];
        uint32_t word = seed;
        uint64_t total = 0;

        FORGET(count);
        for (unsigned i = 0; i < iterations; i++) {
            total += count(word);
            word += WORD_STEP;
        }
        totals[way] = total;
    }
    Py_END_ALLOW_THREADS

    PyObject *result = PyTuple_New(WAYS);

    for (Py_ssize_t way = 0; result != NULL && way < WAYS; way++) {
        PyObject *total = PyLong_FromUnsignedLongLong(totals[way]);

        if (total == NULL) {
            Py_CLEAR(result);
        } else {
            PyTuple_SET_ITEM(result, way, total);
        }
    }
    return result;
}

/* ---- stringsearch: Horspool's search with Pratt's loop ---- */

/* Two table entries at a time: every 64-bit machine stores 16 bytes at once, and compilers that would vectorise the
 * filling and compilers that would not come to the same loop. */
typedef uint64_t entry_pair __attribute__((vector_size(16)));

typedef union {
    entry_pair pair[128];
    uint64_t entry[256];
} shift_table;

/* How far the pattern may move when this character lies under its end; 0 for the pattern's last character. */
static void fill_table(shift_table *table, const unsigned char *pattern, uint32_t length)
{
    const entry_pair whole = {length, length};
    const entry_pair *end = table->pair + 128;

    FORGET(end); /* else it is worked out anew in every round */
    for (entry_pair *pair = table->pair; pair != end; pair++) {
        *pair = whole;
        FORGET(pair);
    }
    for (uint32_t i = 0; i < length; i++) {
        table->entry[pattern[i]] = length - 1 - i;
    }
}

/* How often the pattern occurs in the text; with `first_only`, whether it does (0 or 1). */
static uint64_t scan(const shift_table *table, const unsigned char *pattern, uint32_t length,
                     const unsigned char *text, uint32_t text_length, int first_only)
{
    uint64_t hits = 0;
    uint64_t at = length - 1;

    while (at < text_length) {
        uint64_t shift = table->entry[text[at]];

        if (shift != 0) {
            at += shift;
            continue;
        }
        if (memcmp(text + at - (length - 1), pattern, length) == 0) {
            hits++;
            if (first_only) {
                break;
            }
        }
        at++;
    }
    return hits;
}

/* A record is: pattern length and text length (native uint32 each), pattern, text. */
enum { HEAD = 2 * sizeof(uint32_t) };

static int records_are_valid(const unsigned char *records, Py_ssize_t size)
{
    while (size != 0) {
        uint32_t length[2];

        if (size < HEAD) {
            return 0;
        }
        memcpy(length, records, HEAD);
        uint64_t record = (uint64_t)HEAD + length[0] + length[1];
        if (length[0] == 0 || record > (uint64_t)size) {
            return 0;
        }
        records += record;
        size -= (Py_ssize_t)record;
    }
    return 1;
}

static PyObject *stringsearch(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer records;
    unsigned int passes;
    int first_only;
    uint64_t hits = 0;

    if (!PyArg_ParseTuple(args, "y*Ip:stringsearch", &records, &passes, &first_only)) {
        return NULL;
    }
    if (!records_are_valid(records.buf, records.len)) {
        PyBuffer_Release(&records);
        PyErr_SetString(PyExc_ValueError, "a record is cut short or has an empty pattern");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    const unsigned char *const end = (const unsigned char *)records.buf + records.len;

    for (unsigned pass = 0; pass < passes; pass++) {
        const unsigned char *at = records.buf;

        while (at != end) {
            shift_table table;
            uint32_t length[2];

            memcpy(length, at, HEAD);
            at += HEAD;
            fill_table(&table, at, length[0]);
            hits += scan(&table, at, length[0], at + length[0], length[1], first_only);
            at += (size_t)length[0] + length[1];
        }
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&records);
    return PyLong_FromUnsignedLongLong(hits);
}

/* ---- the module ---- */

PyDoc_STRVAR(bitcount_doc,
             "bitcount(seed, iterations)\n--\n\n"
             "Ones in the 32-bit words seed, seed + 13, ... (modulo 2**32), `iterations` words, counted in seven ways.\n"
             "Returns the seven totals, which are equal.");

PyDoc_STRVAR(stringsearch_doc,
             "stringsearch(records, passes, first_only)\n--\n\n"
             "Search every record's pattern in its text, `passes` times over; returns the sum of the hits.\n\n"
             "`records` is bytes: per record, pattern length and text length (native uint32 each), pattern, text.\n"
             "With `first_only` a search ends at its first hit; without, every occurrence counts, overlapping ones too.\n"
             "Raises ValueError for a record cut short or an empty pattern.");

static PyMethodDef methods[] = {
    {"bitcount", bitcount, METH_VARARGS, bitcount_doc},
    {"stringsearch", stringsearch, METH_VARARGS, stringsearch_doc},
    {NULL, NULL, 0, NULL},
};

static int fill_byte_ones(PyObject *Py_UNUSED(module))
{
    for (unsigned byte = 0; byte < 256; byte++) {
        byte_ones[byte] = (uint8_t)(nibble_ones[byte & 15u] + nibble_ones[byte >> 4]);
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)fill_byte_ones},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "cpu_workloads._kernels",
    .m_doc = "The loops of the compute and the branch stressor.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernels(void)
{
    return PyModuleDef_Init(&definition);
}
