import CZlib

/// The content of gzip data (RFC 1952) of one or more members, as it arrives.
@safe
final class GzipBytes: ForwardBytes {
    private let source: any ForwardBytes
    // Allocated once, because zlib's state points back at it; owned by this object alone and freed in deinit.
    private let stream: UnsafeMutablePointer<z_stream>
    private var input = [UInt8](repeating: 0, count: GzipBytes.blockByteCount)
    private var inputStart = 0
    private var inputEnd = 0
    private var isInsideMember = true
    private var hasEnded = false

    static let blockByteCount = 64 << 10

    init(_ source: any ForwardBytes) throws(ShardError) {
        self.source = source
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        guard unsafe czlib_inflate_start_gzip(stream) == Z_OK else {
            unsafe stream.deallocate()
            throw ShardError(.inputOutput, "There is not enough memory to decompress; free some and try again.")
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func read(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count, "read into \(range)")
        while !hasEnded, !range.isEmpty {
            if inputStart == inputEnd {
                inputStart = 0
                inputEnd = try source.read(into: &input, range: 0..<input.count)
                if inputEnd == 0 {
                    hasEnded = true
                    guard isInsideMember else { return 0 }
                    throw GzipBytes.damaged("the gzip data end early")
                }
            }
            if !isInsideMember {
                // Padding or other bytes behind a member end the data, as for gzip itself.
                guard input[inputStart] == 0x1F, unsafe inflateReset(stream) == Z_OK else {
                    hasEnded = true
                    return 0
                }
                isInsideMember = true
            }
            let count = try inflate(into: &buffer, range: range)
            if count > 0 { return count }
        }
        return 0
    }

    private func inflate(into buffer: inout [UInt8], range: Range<Int>) throws(ShardError) -> Int {
        // Both buffers are only used by zlib during the call, inside the bounds given to it.
        let status = unsafe buffer.withUnsafeMutableBufferPointer { output in
            unsafe input.withUnsafeMutableBufferPointer { input in
                unsafe stream.pointee.next_in = input.baseAddress.map { unsafe $0 + inputStart }
                unsafe stream.pointee.avail_in = UInt32(inputEnd - inputStart)
                unsafe stream.pointee.next_out = output.baseAddress.map { unsafe $0 + range.lowerBound }
                unsafe stream.pointee.avail_out = UInt32(min(range.count, 1 << 30))
                return unsafe CZlib.inflate(stream, Z_NO_FLUSH)
            }
        }
        inputStart = inputEnd - Int(unsafe stream.pointee.avail_in)
        let count = min(range.count, 1 << 30) - Int(unsafe stream.pointee.avail_out)
        switch status {
        case Z_STREAM_END: isInsideMember = false
        case Z_OK, Z_BUF_ERROR: break
        default: throw GzipBytes.damaged("the gzip data are damaged (zlib error \(status))")
        }
        return count
    }

    private static func damaged(_ reason: String) -> ShardError { ShardError(.compressionDamaged, reason) }
}
