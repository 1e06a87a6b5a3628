import CZlib

/// Decompression of a whole gzip file (RFC 1952) with zlib.
enum GzipFile {
    /// Why the bytes cannot be decompressed.
    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    /// The first two bytes of every gzip file.
    static let magic: [UInt8] = [0x1F, 0x8B]

    private static let chunkByteCount = 1 << 16

    /// The content of a gzip file of one or more members.
    ///
    /// Grows with what is decompressed, so that a file cannot ask for memory it does not fill; stops at
    /// `maximumByteCount`. Throws when the file is damaged, cut short, larger than that, or has other bytes behind its end.
    static func decompressed(_ bytes: [UInt8], maximumByteCount: Int) throws(Refusal) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        repeat {
            position += try member(bytes, from: position, into: &result, maximumByteCount: maximumByteCount)
        } while position < bytes.count
        return result
    }

    /// Decompresses one member and returns how many bytes it takes in the file.
    private static func member(
        _ bytes: [UInt8], from start: Int, into result: inout [UInt8], maximumByteCount: Int
    ) throws(Refusal) -> Int {
        var stream = unsafe z_stream()
        guard unsafe czlib_inflate_start_gzip(&stream) == Z_OK else {
            throw Refusal(description: "zlib could not be started")
        }
        defer { unsafe inflateEnd(&stream) }
        var status = Z_OK
        var consumed = 0
        // The chunk is read by zlib only during a call, and written by nobody meanwhile.
        var chunk = [UInt8](repeating: 0, count: chunkByteCount)
        while status != Z_STREAM_END {
            let inputCount = min(bytes.count - start - consumed, 1 << 20)
            var producedCount = 0
            status = unsafe bytes.withUnsafeBufferPointer { input in
                unsafe chunk.withUnsafeMutableBufferPointer { output in
                    unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress).map {
                        unsafe $0 + start + consumed
                    }
                    unsafe stream.avail_in = UInt32(inputCount)
                    unsafe stream.next_out = output.baseAddress
                    unsafe stream.avail_out = UInt32(output.count)
                    let status = unsafe inflate(&stream, Z_NO_FLUSH)
                    producedCount = output.count - Int(unsafe stream.avail_out)
                    return status
                }
            }
            let inputLeft = Int(unsafe stream.avail_in)
            consumed += inputCount - inputLeft
            guard status == Z_OK || status == Z_STREAM_END else {
                throw Refusal(
                    description: status == Z_BUF_ERROR
                        ? "the gzip data end early" : "the gzip data are damaged (zlib error \(status))")
            }
            guard result.count + producedCount <= maximumByteCount else {
                throw Refusal(description: "the gzip data hold more than \(maximumByteCount) bytes")
            }
            result += chunk[..<producedCount]
        }
        return consumed
    }
}
