// zlib (Debian: zlib1g-dev).
#include <zlib.h>

// The header's version of this call is a macro, which Swift does not import. 31: the gzip wrapper, largest window.
static inline int czlib_inflate_start_gzip(z_stream *stream) { return inflateInit2(stream, 31); }
