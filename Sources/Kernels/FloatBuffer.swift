import Glibc

/// Float32 storage of fixed size, aligned to 64 bytes and zeroed when made.
///
/// A buffer is written by one owner at a time and read by any number of others when nobody writes; disjoint ranges count
/// as different places, so several threads may each fill their own rows. Element access is checked; the hot loops take
/// a `FloatRegion` instead and check once per call.
///
/// Memory of 4 MiB and more is mapped and asks for huge pages; pages that are never touched take no memory.
///
/// The one safety argument of this type: `storage` points at `count` initialised floats from `init` to `deinit` and never
/// moves, every public access is checked against `count`, and the compiler cannot see writers on other threads, so the rule
/// above (`@unchecked Sendable`) is the caller's to keep: Encoders gives every thread rows, slices or gradient lanes of its own.
@safe
public final class FloatBuffer: @unchecked Sendable {
    /// The number of floats.
    public let count: Int
    let storage: UnsafeMutablePointer<Float>
    private let mappedByteCount: Int
    /// Whose memory this is, when it is not the buffer's own; then nobody may write it.
    private let owner: (any AnyObject & Sendable)?

    /// From this size on memory comes from `mmap`: huge pages are 2 MiB, smaller blocks could not hold an aligned one.
    private static let mappingThresholdByteCount = 4 << 20
    private static let alignmentByteCount = 64

    /// Makes a buffer of `count` zeros. Traps when `count` is negative or the memory cannot be had.
    public init(count: Int) {
        precondition(count >= 0, "FloatBuffer of \(count) floats")
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        precondition(!overflow, "FloatBuffer of \(count) floats passes the address space")
        self.count = count
        owner = nil
        if byteCount >= Self.mappingThresholdByteCount {
            let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
                preconditionFailure("no memory for a buffer of \(byteCount) bytes (errno \(errno))")
            }
            // Advice only: without huge pages everything works, slower.
            _ = unsafe madvise(mapped, byteCount, Int32(MADV_HUGEPAGE))
            unsafe storage = unsafe mapped.bindMemory(to: Float.self, capacity: count)
            mappedByteCount = byteCount
        } else {
            let raw = UnsafeMutableRawPointer.allocate(
                byteCount: max(byteCount, Self.alignmentByteCount), alignment: Self.alignmentByteCount)
            unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, Self.alignmentByteCount))
            unsafe storage = unsafe raw.bindMemory(to: Float.self, capacity: count)
            mappedByteCount = 0
        }
    }

    /// Makes a buffer that holds the given values in order.
    public convenience init(_ values: some Collection<Float>) {
        self.init(count: values.count)
        write(values, at: 0)
    }

    /// A view of `count` floats that `owner` keeps where they are, such as weights in a mapped file. It can be read only: writing it
    /// traps.
    ///
    /// Safe as long as `base` is aligned to four bytes and points at that many initialised floats that stay as they are while `owner`
    /// lives.
    @unsafe
    public init(viewing base: UnsafePointer<Float>, count: Int, of owner: any AnyObject & Sendable) {
        precondition(
            count >= 0 && Int(bitPattern: base) % MemoryLayout<Float>.alignment == 0, "view of \(count) floats")
        self.count = count
        self.owner = owner
        unsafe storage = UnsafeMutablePointer(mutating: base)
        mappedByteCount = 0
    }

    private func checkWritable() {
        precondition(owner == nil, "a view of another's memory is read only")
    }

    deinit {
        guard owner == nil else { return }
        if mappedByteCount > 0 {
            unsafe munmap(storage, mappedByteCount)
        } else {
            unsafe storage.deallocate()
        }
    }

    /// The value at `index`; traps outside `0 ..< count`.
    public subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "index \(index) outside a buffer of \(count)")
            return unsafe storage[index]
        }
        set {
            precondition(index >= 0 && index < count, "index \(index) outside a buffer of \(count)")
            checkWritable()
            unsafe storage[index] = newValue
        }
    }

    /// Reads values through a span: all of them, or those of `range`, which must lie in the buffer.
    public func withSpan<Result, Failure: Error>(
        of range: Range<Int>? = nil, _ body: (Span<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let range = checked(range)
        return try body(unsafe Span(_unsafeStart: storage + range.lowerBound, count: range.count))
    }

    /// Writes values through a span, all or those of `range`; nobody else may touch them meanwhile.
    public func withMutableSpan<Result, Failure: Error>(
        of range: Range<Int>? = nil, _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let range = checked(range)
        checkWritable()
        var span = unsafe MutableSpan(_unsafeStart: storage + range.lowerBound, count: range.count)
        return try body(&span)
    }

    private func checked(_ range: Range<Int>?) -> Range<Int> {
        let range = range ?? 0..<count
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range \(range) outside a buffer of \(count)")
        return range
    }

    /// Passes the base address to C; valid for the call only.
    @unsafe
    public func withUnsafePointer<Result, Failure: Error>(
        _ body: (UnsafePointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafePointer(storage))
    }

    /// Passes the base address to C for writing; valid for the call only.
    @unsafe
    public func withUnsafeMutablePointer<Result, Failure: Error>(
        _ body: (UnsafeMutablePointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        checkWritable()
        return try unsafe body(storage)
    }

    /// Copies `values` to `offset` and on; traps when they do not fit.
    public func write(_ values: some Collection<Float>, at offset: Int) {
        precondition(
            offset >= 0 && values.count <= count - offset,
            "\(values.count) values at \(offset) into a buffer of \(count)")
        checkWritable()
        let copied: Void? = values.withContiguousStorageIfAvailable { source -> Void in
            if let base = source.baseAddress {
                unsafe (storage + offset).update(from: base, count: source.count)
            }
        }
        guard copied == nil else { return }
        for (index, value) in values.enumerated() {
            unsafe storage[offset + index] = value
        }
    }

    /// The values of `range` as an array; traps when it leaves the buffer.
    public func array(_ range: Range<Int>) -> [Float] {
        let range = checked(range)
        return unsafe Array(UnsafeBufferPointer(start: storage + range.lowerBound, count: range.count))
    }

    /// All values as an array.
    public var array: [Float] { array(0..<count) }

    /// A new buffer with the same values.
    public func copy() -> FloatBuffer {
        let other = FloatBuffer(count: count)
        unsafe other.storage.update(from: storage, count: count)
        return other
    }
}
