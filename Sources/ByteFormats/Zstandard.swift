import CZstd
import Synchronization

/// Compresses buffers to single zstd frames with one reusable context.
///
/// A frame holds its content size and no checksum (the files keep a CRC-32C of the stored bytes). For one version of
/// libzstd the frame is a function of level and content.
@safe
public struct ZstdCompressor: ~Copyable {
    // Owned by this value alone and freed in deinit; never handed out.
    private let context: OpaquePointer

    /// - Parameter level: 1 to 19.
    public init(level: Int32 = 1) {
        precondition((1...19).contains(level), "zstd level \(level) is not in 1...19")
        guard let context = unsafe ZSTD_createCCtx() else { preconditionFailure("out of memory for a zstd context") }
        unsafe self.context = unsafe context
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0)
    }

    deinit { unsafe ZSTD_freeCCtx(context) }

    /// The zstd frame of `bytes`.
    public mutating func compress(_ bytes: RawSpan) -> [UInt8] {
        let bound = ZSTD_compressBound(bytes.byteCount)
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            let written = unsafe bytes.withUnsafeBytes { source in
                unsafe ZSTD_compress2(context, buffer.baseAddress, bound, source.baseAddress, source.count)
            }
            // With room for the bound, the only failure left is memory.
            precondition(ZSTD_isError(written) == 0, "out of memory for zstd compression")
            count = written
        }
    }

    /// The zstd frame of `bytes`.
    public mutating func compress(_ bytes: [UInt8]) -> [UInt8] {
        unsafe compress(bytes.span.bytes)
    }
}

/// Contexts that nobody holds: a new one is 100 kB of fresh memory, more than a small frame takes otherwise.
@safe
private final class DecompressionContexts: @unchecked Sendable {
    static let shared = DecompressionContexts()
    /// More than threads decompress at once on most machines; others are freed.
    private static let keptCount = 16

    // Invariant: a context is in the list, or held by one decompressor; only the holder of the lock touches the list.
    private let lock = Mutex(())
    private var free: [OpaquePointer] = unsafe []

    @unsafe func take() -> OpaquePointer {
        if let context = unsafe lock.withLock({ _ in unsafe free.popLast() }) { return unsafe context }
        guard let made = unsafe ZSTD_createDCtx() else { preconditionFailure("out of memory for a zstd context") }
        return unsafe made
    }

    @unsafe func giveBack(_ context: OpaquePointer) {
        let isKept = lock.withLock { _ in
            guard unsafe free.count < Self.keptCount else { return false }
            unsafe free.append(context)
            return true
        }
        if !isKept { unsafe ZSTD_freeDCtx(context) }
    }
}

/// Decompresses single zstd frames of known size with one reusable context.
@safe
public struct ZstdDecompressor: ~Copyable {
    // Owned by this value alone and freed in deinit; never handed out. Made when it is first needed, which for many
    // searches of an index is never.
    private var context: OpaquePointer?

    /// A decompressor.
    public init() {
        unsafe context = nil
    }

    private mutating func existingContext() -> OpaquePointer {
        if let context = unsafe context { return unsafe context }
        let taken = unsafe DecompressionContexts.shared.take()
        unsafe context = taken
        return unsafe taken
    }

    deinit {
        if let context = unsafe context { unsafe DecompressionContexts.shared.giveBack(context) }
    }

    /// Decompresses one frame that must give exactly `byteCount` bytes.
    ///
    /// The caller has checked `byteCount` against a limit; nothing larger is ever allocated, whatever the frame says.
    public mutating func decompress(_ frame: RawSpan, byteCount: Int) throws(ByteFormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        try decompress(frame, byteCount: byteCount, into: &bytes)
        return bytes
    }

    /// Decompresses one frame that must give exactly `byteCount` bytes.
    public mutating func decompress(_ frame: [UInt8], byteCount: Int) throws(ByteFormatError) -> [UInt8] {
        unsafe try decompress(frame.span.bytes, byteCount: byteCount)
    }

    /// Like `decompress(_:byteCount:)`, reusing the storage of `bytes`, whose content is replaced.
    public mutating func decompress(
        _ frame: [UInt8], byteCount: Int, into bytes: inout [UInt8]
    ) throws(ByteFormatError) {
        unsafe try decompress(frame.span.bytes, byteCount: byteCount, into: &bytes)
    }

    /// Like `decompress(_:byteCount:)`, reusing the storage of `bytes`, whose content is replaced.
    public mutating func decompress(
        _ frame: RawSpan, byteCount: Int, into bytes: inout [UInt8]
    ) throws(ByteFormatError) {
        precondition(byteCount >= 0, "decompress(byteCount: \(byteCount))")
        let announced = unsafe frame.withUnsafeBytes { unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        guard announced == UInt64(byteCount) else {
            throw ByteFormatError(
                .malformed, "a zstd frame does not hold the \(byteCount) bytes it should; make the file again")
        }
        if bytes.count > byteCount {
            bytes.removeLast(bytes.count - byteCount)
        } else if bytes.count < byteCount {
            bytes.append(contentsOf: repeatElement(0, count: byteCount - bytes.count))
        }
        let context = unsafe existingContext()
        let written = unsafe bytes.withUnsafeMutableBytes { destination in
            unsafe frame.withUnsafeBytes { source in
                unsafe ZSTD_decompressDCtx(
                    context, destination.baseAddress, destination.count, source.baseAddress, source.count)
            }
        }
        guard ZSTD_isError(written) == 0, written == byteCount else {
            let reason = unsafe ZSTD_isError(written) != 0 ? String(cString: ZSTD_getErrorName(written)) : "short"
            throw ByteFormatError(.malformed, "a zstd frame is damaged (\(reason)); make the file again")
        }
    }
}
