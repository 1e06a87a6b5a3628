#ifndef VLMPIPE_DISPATCH_H
#define VLMPIPE_DISPATCH_H

// Run-time dispatch: the loader picks the widest clone the CPU supports. Other architectures compile one plain version.
#if defined(__x86_64__) && defined(__linux__)
#define VLM_DISPATCH __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VLM_DISPATCH
#endif

#endif
