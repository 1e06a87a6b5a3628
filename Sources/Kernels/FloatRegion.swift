/// A range of a buffer as kernels take it: checked when made, checked against the sizes of a call, then handed to C.
public struct FloatRegion: Sendable {
    /// The memory.
    public let buffer: FloatBuffer
    /// The first element, counted in floats from the start of the buffer.
    public let offset: Int
    /// The number of floats.
    public let count: Int

    /// The range `offset ..< offset + count` of `buffer`; traps when it leaves the buffer.
    public init(_ buffer: FloatBuffer, offset: Int, count: Int) {
        precondition(
            offset >= 0 && count >= 0 && count <= buffer.count - offset,
            "region of \(count) floats at \(offset) leaves a buffer of \(buffer.count)")
        self.buffer = buffer
        self.offset = offset
        self.count = count
    }

    /// The whole of `buffer`.
    public init(_ buffer: FloatBuffer) {
        self.init(buffer, offset: 0, count: buffer.count)
    }

    /// A part of this region; traps when it leaves the region.
    public func region(at start: Int, count partCount: Int) -> FloatRegion {
        precondition(
            start >= 0 && partCount >= 0 && partCount <= count - start,
            "region of \(partCount) floats at \(start) leaves a region of \(count)")
        return FloatRegion(buffer, offset: offset + start, count: partCount)
    }

    /// Everything from `start` on.
    public func suffix(from start: Int) -> FloatRegion {
        region(at: start, count: count - start)
    }

    /// The values as an array.
    public var array: [Float] { buffer.array(offset..<offset + count) }

    /// Whether the two regions share an element.
    public func overlaps(_ other: FloatRegion) -> Bool {
        buffer === other.buffer && offset < other.offset + other.count && other.offset < offset + count
    }

    /// The base address; in bounds for `count` floats while the region lives.
    var pointer: UnsafeMutablePointer<Float> { unsafe buffer.storage + offset }

    /// Traps when the region is smaller than a kernel is about to touch.
    func require(_ needed: Int, _ operation: StaticString, _ role: StaticString) {
        precondition(needed >= 0 && needed <= count, "\(operation): \(role) has \(count) floats, needs \(needed)")
    }
}
