#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A place on the canvas or in a figure; y grows downwards.
struct Point: Hashable, Sendable {
    var x: Float
    var y: Float

    init(_ x: Float, _ y: Float) {
        self.x = x
        self.y = y
    }

    static func + (left: Point, right: Point) -> Point { Point(left.x + right.x, left.y + right.y) }
    static func - (left: Point, right: Point) -> Point { Point(left.x - right.x, left.y - right.y) }
    static func * (left: Point, right: Float) -> Point { Point(left.x * right, left.y * right) }
}

/// An affine map: x' = a·x + c·y + tx, y' = b·x + d·y + ty.
struct Transform: Hashable, Sendable {
    var a: Float = 1
    var b: Float = 0
    var c: Float = 0
    var d: Float = 1
    var tx: Float = 0
    var ty: Float = 0

    static let identity = Transform()

    /// Scales by (`scaleX`, `scaleY`), leans by `shear`, turns clockwise by `angle` radians, then moves to `origin`.
    init(origin: Point, scaleX: Float, scaleY: Float, angle: Float = 0, shear: Float = 0) {
        let (sine, cosine) = (sin(angle), cos(angle))
        a = cosine * scaleX
        b = sine * scaleX
        c = (cosine * shear - sine) * scaleY
        d = (sine * shear + cosine) * scaleY
        tx = origin.x
        ty = origin.y
    }

    private init() {}

    func callAsFunction(_ point: Point) -> Point {
        Point(a * point.x + c * point.y + tx, b * point.x + d * point.y + ty)
    }

    /// The factor by which lengths grow, on average.
    var scale: Float { abs(a * d - b * c).squareRoot() }
}
