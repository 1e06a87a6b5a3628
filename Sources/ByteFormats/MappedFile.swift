import Glibc

/// A whole file mapped read only, unmapped when it goes away.
///
/// For files that do not change in place, such as weights: if another program cuts the file short while it is mapped,
/// the system kills this process on the next touch (SIGBUS). `RandomAccessFile` has no such danger.
@safe
public struct MappedFile: ~Copyable, @unchecked Sendable {
    // Invariant: the region is mapped for the life of the value and only ever read, hence safe to share.
    private let region: UnsafeRawBufferPointer
    /// The file.
    public let path: String

    /// Maps the regular file at `path`; an empty one is fine.
    public init(path: String) throws(ByteFormatError) {
        unsafe region = try MappedFile.map(path)
        self.path = path
    }

    private static func map(_ path: String) throws(ByteFormatError) -> UnsafeRawBufferPointer {
        let descriptor = try FileDescriptor(reading: path)
        let byteCount = try descriptor.regularFileByteCount()
        guard byteCount > 0 else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        guard !FileFault.prevents(.map, path) else { throw FileDescriptor.systemError("cannot map", path: path) }
        let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor.number, 0)
        guard unsafe address != MAP_FAILED else { throw FileDescriptor.systemError("cannot map", path: path) }
        return unsafe UnsafeRawBufferPointer(start: address, count: byteCount)
    }

    deinit {
        if let address = unsafe region.baseAddress {
            unsafe munmap(UnsafeMutableRawPointer(mutating: address), region.count)
        }
    }

    /// Size of the file when it was mapped.
    public var byteCount: Int { unsafe region.count }

    /// Lends the bytes of the file.
    public func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The span cannot outlive the closure, and the mapping outlives the call.
        try body(unsafe region.bytes)
    }

    /// A copy of a run of bytes, which must lie inside the file.
    public func copy(_ range: Range<Int>) throws(ByteFormatError) -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else {
            throw ByteFormatError(
                .truncated, "bytes \(range) are past the end (\(byteCount) bytes); make the file again", path: path)
        }
        return unsafe Array(UnsafeRawBufferPointer(rebasing: region[range]))
    }
}
