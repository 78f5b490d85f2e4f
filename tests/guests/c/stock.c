// A component in C, without a library and without generated bindings: what `stock.wit` says, by the canonical ABI.
//
//     clang --target=wasm32 -O2 -nostdlib -c stock.c && wasm-ld --no-entry stock.o

typedef unsigned char u8;
typedef unsigned int u32;
typedef int s32;

#define EXPORT(name) __attribute__((export_name(name)))
#define PAGE 65536u

typedef struct {
    u8 *bytes;
    u32 length;
} string;

typedef struct {
    string name;
    u32 pieces;
} item;

typedef struct {
    u8 is_error;
    union {
        u32 total;
        string name;
    };
} total_or_name;

extern u8 __heap_base;

// An instance runs one task: nothing is ever given back.
EXPORT("cabi_realloc") void *cabi_realloc(void *old, u32 old_size, u32 align, u32 size) {
    static u32 next = 0;
    if (next == 0) next = (u32)&__heap_base;
    u32 place = (next + align - 1) & ~(align - 1);
    next = place + size;
    u32 end = __builtin_wasm_memory_size(0) * PAGE;
    if (next > end && __builtin_wasm_memory_grow(0, (next - end + PAGE - 1) / PAGE) == (u32)-1) __builtin_trap();
    u8 *from = old, *to = (u8 *)place;
    for (u32 at = 0; at < old_size; at++) to[at] = from[at];
    return to;
}

EXPORT("add") s32 add(s32 a, s32 b) {
    return (s32)((u32)a + (u32)b);
}

EXPORT("shout") string *shout(u8 *bytes, u32 length) {
    static string loud;
    loud.bytes = cabi_realloc(0, 0, 1, length + 1);
    for (u32 at = 0; at < length; at++) {
        u8 letter = bytes[at];
        loud.bytes[at] = letter >= 'a' && letter <= 'z' ? letter - 32 : letter;
    }
    loud.bytes[length] = '!';
    loud.length = length + 1;
    return &loud;
}

EXPORT("asked") u32 asked(void) {
    static u32 times = 0;
    return ++times;
}

EXPORT("crash") void crash(void) {
    __builtin_trap();
}

EXPORT("docs:stock/shelf@1.0.0#total") total_or_name *total(item *items, u32 count) {
    static total_or_name answer;
    u32 total = 0;
    for (u32 at = 0; at < count; at++) {
        if (items[at].pieces == 0) {
            answer.is_error = 1;
            answer.name = items[at].name;
            return &answer;
        }
        total += items[at].pieces;
    }
    answer.total = total;
    return &answer;
}
