/// Operations of matrix products, convolutions and attention, two for each multiplication and addition, by what they are computed
/// in: what a tower does, to be set against what a machine can do (`MatrixProductPeak`).
public struct OperationCount: Sendable, Equatable {
    /// In Float32.
    public var float: Int
    /// In 8-bit integers.
    public var integer: Int
    /// In 16-bit integers, which run at half that rate.
    public var wideInteger: Int

    /// So many operations.
    public init(float: Int = 0, integer: Int = 0, wideInteger: Int = 0) {
        self.float = float
        self.integer = integer
        self.wideInteger = wideInteger
    }

    /// All of them.
    public var total: Int { float + integer + wideInteger }

    /// Both together.
    public static func + (left: Self, right: Self) -> Self {
        Self(
            float: left.float + right.float, integer: left.integer + right.integer,
            wideInteger: left.wideInteger + right.wideInteger)
    }

    /// Adds more operations.
    public static func += (left: inout Self, right: Self) {
        left = left + right
    }

    /// The same done `count` times.
    public static func * (operations: Self, count: Int) -> Self {
        Self(
            float: operations.float * count, integer: operations.integer * count,
            wideInteger: operations.wideInteger * count)
    }
}
