import Kernels

/// An immutable Float32 tensor: a shape over shared storage that is never written after it is made.
///
/// Copies share storage; views (`transposed`, `narrowed`) do as well. The training path works on a `Tape`'s arena instead; tensors
/// carry values into and out of it.
///
/// ```swift
/// let weights = Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
/// weights.transposed(0, 1).values  // [1, 4, 2, 5, 3, 6]
/// ```
public struct Tensor: Sendable {
    /// Shape and strides.
    public let layout: TensorLayout
    private let storage: FloatBuffer

    /// A dense row-major tensor; traps unless `values` has as many elements as `shape`.
    public init(shape: [Int], values: [Float]) {
        layout = TensorLayout(shape: shape)
        precondition(values.count == layout.count, "\(values.count) values for a tensor of shape \(shape)")
        storage = FloatBuffer(values)
    }

    /// A dense row-major tensor filled by `initialize`, which sees zeros.
    public init<Failure: Error>(
        shape: [Int], initialize: (inout MutableSpan<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        layout = TensorLayout(shape: shape)
        storage = FloatBuffer(count: layout.count)
        try storage.withMutableSpan(initialize)
    }

    private init(layout: TensorLayout, storage: FloatBuffer) {
        self.layout = layout
        self.storage = storage
    }

    /// Extents, outermost first.
    public var shape: [Int] { layout.shape }
    /// The number of elements.
    public var count: Int { layout.count }

    /// The element at the given index; traps outside the shape.
    public subscript(indices: Int...) -> Float { storage[layout.place(indices)] }

    /// All elements in index order.
    public var values: [Float] {
        layout.isContiguous
            ? storage.array(layout.offset..<layout.offset + count) : layout.places.map { storage[$0] }
    }

    /// A view with two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) -> Tensor {
        Tensor(layout: layout.transposed(first, second), storage: storage)
    }

    /// A view of the elements with the index along `axis` in `range`.
    public func narrowed(axis: Int, to range: Range<Int>) -> Tensor {
        Tensor(layout: layout.narrowed(axis: axis, to: range), storage: storage)
    }

    /// The same elements in index order under another shape of the same count; copies when the layout is not contiguous.
    public func reshaped(_ shape: [Int]) -> Tensor {
        Tensor(shape: shape, values: values)
    }
}
