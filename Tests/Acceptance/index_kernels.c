// Runs the kernels of an index over drawn inputs at every level of the machine, compares each level with the plain one, and
// prints a checksum of each result: two machines that print the same lines search an index alike. Used by arm64.sh.

#include "crc32c.h"
#include "half_precision.h"
#include "index_codes.h"
#include "index_packing.h"
#include "index_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 19, QUERIES = 6, MAXIMUM = 4096 };

static uint64_t state = 1;
static int failures = 0;

static uint32_t drawn(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static void draw(void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) ((uint8_t *)bytes)[i] = (uint8_t)(drawn() >> 8);
}

static void *room(size_t count) {
    void *memory = calloc(count ? count : 1, 1);
    if (!memory) exit(2);
    return memory;
}

static void report(const char *what, size_t dimension, const void *bytes, size_t count) {
    printf("%s %zu %08x\n", what, dimension, vlm_crc32c_plain(0, bytes, count));
}

static void compare(const char *what, size_t dimension, int level, const void *a, const void *b, size_t count) {
    if (memcmp(a, b, count) == 0) return;
    printf("%s %zu differs at level %d\n", what, dimension, level);
    failures++;
}

static void scans(size_t dimension) {
    uint8_t *rows = room(ROWS * dimension / 2), *signs = room(ROWS * dimension / 8), *planes = room(dimension / 2);
    int8_t *queries = room(QUERIES * dimension);
    draw(rows, ROWS * dimension / 2);
    draw(signs, ROWS * dimension / 8);
    draw(planes, dimension / 2);
    draw(queries, QUERIES * dimension);
    // Extreme values in the first row and query.
    memset(rows, 0xFF, dimension / 2);
    memset(queries, -128, dimension);
    int32_t plain[QUERIES * ROWS], dots[QUERIES * ROWS];
    int64_t code[2];
    vlm_nibble_dots(VLM_SCAN_PLAIN, queries, QUERIES, rows, ROWS, dimension, plain, ROWS);
    report("nibble dots", dimension, plain, sizeof plain);
    for (int level = 1; level <= vlm_scan_level(); level++) {
        vlm_nibble_dots(level, queries, QUERIES, rows, ROWS, dimension, dots, ROWS);
        compare("nibble dots", dimension, level, plain, dots, sizeof plain);
        const uint8_t *scattered[3] = {rows + dimension, rows, rows + dimension / 2};
        int32_t few[2][3];
        vlm_scattered_dots(VLM_SCAN_PLAIN, queries, (uint32_t[]){1, 0, 1}, scattered, 3, dimension, few[0]);
        vlm_scattered_dots(level, queries, (uint32_t[]){1, 0, 1}, scattered, 3, dimension, few[1]);
        compare("scattered dots", dimension, level, few[0], few[1], sizeof few[0]);
        code[0] = vlm_code_dot(VLM_SCAN_PLAIN, queries, rows, rows + dimension / 2, dimension);
        code[1] = vlm_code_dot(level, queries, rows, rows + dimension / 2, dimension);
        compare("code dot", dimension, level, &code[0], &code[1], sizeof code[0]);
    }
    vlm_sign_dots(VLM_SCAN_PLAIN, planes, signs, ROWS, dimension, plain);
    report("sign dots", dimension, plain, ROWS * sizeof plain[0]);
    for (int level = 1; level <= vlm_scan_level(); level++) {
        vlm_sign_dots(level, planes, signs, ROWS, dimension, dots);
        compare("sign dots", dimension, level, plain, dots, ROWS * sizeof plain[0]);
    }
    uint16_t factors[ROWS], errors[ROWS];
    for (int i = 0; i < ROWS; i++) {
        factors[i] = (uint16_t)(0x2000 + drawn() % 0x1000);
        errors[i] = (uint16_t)(0x1000 + drawn() % 0x1000);
    }
    vlm_bound_columns columns = {(const uint8_t *)factors, {(const uint8_t *)errors, NULL}};
    uint32_t positions[2][ROWS + 16] = {{0}};
    float values[2][ROWS + 16] = {{0}};
    size_t found = vlm_bounded_positions(VLM_SCAN_PLAIN, plain, &columns, ROWS, 0.25f, 1e-4f, 0.5f, 1, 0.2f, INT32_MIN,
                                         positions[0], values[0]);
    report("bounded positions", dimension, positions[0], found * sizeof positions[0][0]);
    report("bounds", dimension, values[0], found * sizeof values[0][0]);
    for (int level = 1; level <= vlm_scan_level(); level++) {
        size_t count = vlm_bounded_positions(level, plain, &columns, ROWS, 0.25f, 1e-4f, 0.5f, 1, 0.2f, INT32_MIN, positions[1],
                                             values[1]);
        compare("their number", dimension, level, &found, &count, sizeof found);
        compare("bounds", dimension, level, values[0], values[1], found * sizeof values[0][0]);
    }
    free(rows), free(signs), free(planes), free(queries);
}

static void codes(size_t dimension) {
    float *vector = room(4 * dimension), *flips = room(16 * dimension);
    float *mean = room(4 * dimension), *back = room(4 * dimension);
    uint8_t *signs = room(dimension / 8), *high = room(dimension / 2), *low = room(dimension / 2);
    uint8_t *base = room(dimension / 4), *escapes = room(dimension), *again = room(dimension / 2);
    uint16_t *halves = room(2 * dimension), *steps = room(2 * dimension);
    for (size_t i = 0; i < dimension; i++) {
        vector[i] = ((float)(int32_t)(drawn() % 2001) - 1000) / 8192;
        mean[i] = ((float)(int32_t)(drawn() % 201) - 100) / 8192;
    }
    for (size_t i = 0; i < 4 * dimension; i++) flips[i] = drawn() & 1 ? 1.0f : -1.0f;
    vlm_rotate(vector, dimension, flips);
    report("rotated", dimension, vector, 4 * dimension);
    float *elements = room(4 * VLM_DIRECTIONS * dimension), *norms = room(4 * dimension);
    void *scratch = room(VLM_ENCODE_SCRATCH * dimension);
    for (size_t i = 0; i < dimension; i++) {
        for (size_t k = 0; k < VLM_DIRECTIONS; k++) {
            float element = ((float)(int32_t)(drawn() % 2001) - 1000) / (float)(1024 * (k + 1));
            elements[i * VLM_DIRECTIONS + k] = element;
            norms[i] += element * element;
        }
    }
    const vlm_directions directions = {elements, norms, 2, 0.75f};
    vlm_code_sums sums;
    for (int form = VLM_UPPER_CODES; form <= VLM_WEIGHED_CODES + 1; form++) {
        memset(&sums, 0, sizeof sums);
        // Without directions last.
        vlm_encode_row(vector, dimension, 886, form <= VLM_WEIGHED_CODES ? &directions : NULL, (vlm_code_form)form, scratch,
                       signs, high, low, &sums);
        report("signs", dimension, signs, dimension / 8);
        report("high", dimension, high, dimension / 2);
        report("low", dimension, low, dimension / 2);
        report("sums", dimension, &sums, sizeof sums);
    }
    size_t part = dimension / 4;
    float *product = room(4 * VLM_BASIS * part);
    vlm_moment_product(vector, 4, part, elements, product);
    report("moments", dimension, product, 4 * VLM_BASIS * part);
    size_t count = vlm_pack_magnitudes(high, signs, dimension, base, escapes);
    report("base", dimension, base, dimension / 4);
    report("escapes", dimension, escapes, count);
    if (!vlm_unpack_magnitudes(base, escapes, count, count, signs, dimension, again)) {
        failures++;
        printf("not unpacked %zu\n", dimension);
    }
    compare("unpacked", dimension, 0, high, again, dimension / 2);
    vlm_code_vector(high, low, dimension, 0.001f, mean, back);
    report("code vector", dimension, back, 4 * dimension);
    vlm_f32_to_f16(vector, halves, dimension);
    report("halves", dimension, halves, 2 * dimension);
    vlm_half_steps(halves, back, dimension, steps);
    report("steps", dimension, steps, 2 * dimension);
    vlm_halves_from_steps(steps, back, dimension, steps);
    compare("halves", dimension, 0, halves, steps, 2 * dimension);
    vlm_fine_bits(vector, halves, dimension, escapes);
    report("fine bits", dimension, escapes, (6 * dimension + 7) / 8);
    vlm_rotate_back(vector, dimension, flips);
    report("rotated back", dimension, vector, 4 * dimension);
    free(vector), free(flips), free(mean), free(back), free(signs), free(high), free(low);
    free(base), free(escapes), free(again), free(halves), free(steps);
}

int main(void) {
    const size_t dimensions[] = {64, 128, 192, 256, 320, 512, 768, 1024, 1152, MAXIMUM};
    for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
        scans(dimensions[i]);
        codes(dimensions[i]);
    }
    uint8_t *bytes = room(10000);
    draw(bytes, 10000);
    for (size_t count = 0; count <= 10000; count += 613) {
        uint32_t plain = vlm_crc32c_plain(7, bytes, count), fast = vlm_crc32c(7, bytes, count);
        compare("crc32c", count, 1, &plain, &fast, 4);
    }
    free(bytes);
    fprintf(stderr, "%d levels, %d differences\n", vlm_scan_level() + 1, failures);
    return failures > 0;
}
