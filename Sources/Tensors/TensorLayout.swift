/// Shape and strides of a tensor over storage it does not own: transposing and narrowing change the layout alone.
///
/// Strides and offset count elements.
public struct TensorLayout: Sendable, Equatable {
    /// Extents, outermost first; empty for a scalar.
    public let shape: [Int]
    /// Elements from one index to the next along each axis.
    public let strides: [Int]
    /// The element at index (0, 0, …).
    public let offset: Int

    /// A dense row-major layout; traps when an extent is negative or the element count passes `Int`.
    public init(shape: [Int]) {
        var strides = Array(repeating: 1, count: shape.count)
        var count = 1
        for axis in shape.indices.reversed() {
            precondition(shape[axis] >= 0, "tensor shape \(shape) has a negative extent")
            strides[axis] = count
            let (product, overflow) = count.multipliedReportingOverflow(by: shape[axis])
            precondition(!overflow, "tensor shape \(shape) has too many elements")
            count = product
        }
        self.shape = shape
        self.strides = strides
        offset = 0
    }

    private init(shape: [Int], strides: [Int], offset: Int) {
        self.shape = shape
        self.strides = strides
        self.offset = offset
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Whether elements in index order lie next to each other in storage, from `offset` on.
    public var isContiguous: Bool { strides == TensorLayout(shape: shape).strides || count <= 1 }

    /// The storage place of an element; traps outside the shape.
    public func place(_ indices: [Int]) -> Int {
        precondition(indices.count == shape.count, "index \(indices) into a tensor of shape \(shape)")
        var place = offset
        for axis in shape.indices {
            precondition(indices[axis] >= 0 && indices[axis] < shape[axis], "index \(indices) outside shape \(shape)")
            place += indices[axis] * strides[axis]
        }
        return place
    }

    /// The same elements with two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) -> TensorLayout {
        precondition(
            shape.indices.contains(first) && shape.indices.contains(second), "axes \(first), \(second) of \(shape)")
        var shape = shape
        var strides = strides
        shape.swapAt(first, second)
        strides.swapAt(first, second)
        return TensorLayout(shape: shape, strides: strides, offset: offset)
    }

    /// The elements with the index along `axis` in `range`.
    public func narrowed(axis: Int, to range: Range<Int>) -> TensorLayout {
        precondition(
            shape.indices.contains(axis) && range.lowerBound >= 0 && range.upperBound <= shape[axis],
            "range \(range) along axis \(axis) of \(shape)")
        var shape = shape
        shape[axis] = range.count
        return TensorLayout(shape: shape, strides: strides, offset: offset + range.lowerBound * strides[axis])
    }

    /// Storage places of all elements in index order.
    public var places: [Int] {
        guard count > 0 else { return [] }
        var result = [offset]
        for axis in shape.indices {
            result = result.flatMap { base in (0..<shape[axis]).map { base + $0 * strides[axis] } }
        }
        return result
    }
}
