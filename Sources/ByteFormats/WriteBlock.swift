import Glibc

/// Bytes that wait to be written in one piece of 2 MiB.
///
/// The memory is mapped when the first byte comes and given back with the block: from the heap, where it would be the
/// largest piece by far, it would often stay with the process.
///
/// The one safety argument of this type: `storage` points at `byteCount` mapped bytes from the first byte on until `deinit`,
/// and `count` never passes `byteCount`.
@safe
struct WriteBlock: ~Copyable {
    static let byteCount = 1 << 21

    private var storage: UnsafeMutableRawPointer?
    private var count = 0

    init() {}

    deinit {
        guard let storage = unsafe storage else { return }
        unsafe munmap(storage, Self.byteCount)
    }

    var isEmpty: Bool { count == 0 }
    var isFull: Bool { count == Self.byteCount }

    /// Takes as many of the bytes as there is room for, and returns how many.
    mutating func append(_ bytes: RawSpan) -> Int {
        let taken = min(bytes.byteCount, Self.byteCount - count)
        guard taken > 0 else { return 0 }
        let end = unsafe mapped() + count
        unsafe bytes.extracting(first: taken).withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe end.copyMemory(from: start, byteCount: taken)
        }
        count += taken
        return taken
    }

    /// Writes what was appended, all of it unless an error is thrown, and is empty then.
    mutating func write(to descriptor: borrowing FileDescriptor) throws(ByteFormatError) {
        guard let storage = unsafe storage, count > 0 else { return }
        FileStep.announce(.write, descriptor.path)
        unsafe try descriptor.write(UnsafeRawBufferPointer(start: storage, count: count))
        count = 0
    }

    private mutating func mapped() -> UnsafeMutableRawPointer {
        if let storage = unsafe storage { return unsafe storage }
        let mapped = unsafe mmap(
            nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            preconditionFailure("no memory for a block of \(Self.byteCount) bytes (errno \(errno))")
        }
        unsafe storage = mapped
        return unsafe mapped
    }
}
