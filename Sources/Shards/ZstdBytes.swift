import CZstd

/// The content of zstd data (RFC 8878) of one or more frames, as it arrives. A window of at most 128 MiB is granted.
@safe
final class ZstdBytes: ForwardBytes {
    private let source: any ForwardBytes
    // Owned by this object alone and freed in deinit.
    private let context: OpaquePointer
    private var input = [UInt8](repeating: 0, count: 128 << 10)
    private var inputStart = 0
    private var inputEnd = 0
    private var isInsideFrame = true
    private var hasEnded = false

    init(_ source: any ForwardBytes) throws(ShardError) {
        self.source = source
        guard let context = unsafe ZSTD_createDCtx() else {
            throw ShardError(.inputOutput, "There is not enough memory to decompress; free some and try again.")
        }
        unsafe self.context = unsafe context
        unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    func read(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count, "read into \(range)")
        while !hasEnded, !range.isEmpty {
            if inputStart == inputEnd {
                inputStart = 0
                inputEnd = try source.read(into: &input, range: 0..<input.count)
                if inputEnd == 0 {
                    hasEnded = true
                    guard isInsideFrame else { return 0 }
                    throw ShardError(.compressionDamaged, "the zstd data end early")
                }
            }
            // Both buffers are only used by zstd during the call, inside the bounds given to it.
            let (status, used, written) = unsafe buffer.withUnsafeMutableBytes { output in
                unsafe input.withUnsafeBytes { bytes in
                    var from = unsafe ZSTD_inBuffer(
                        src: bytes.baseAddress?.advanced(by: inputStart), size: inputEnd - inputStart, pos: 0)
                    var to = unsafe ZSTD_outBuffer(
                        dst: output.baseAddress?.advanced(by: range.lowerBound), size: range.count, pos: 0)
                    let status = unsafe ZSTD_decompressStream(context, &to, &from)
                    return (status, unsafe from.pos, unsafe to.pos)
                }
            }
            inputStart += used
            guard ZSTD_isError(status) == 0 else {
                let reason = unsafe String(cString: ZSTD_getErrorName(status))
                throw ShardError(.compressionDamaged, "the zstd data are damaged (\(reason))")
            }
            isInsideFrame = status != 0
            if written > 0 { return written }
        }
        return 0
    }
}
