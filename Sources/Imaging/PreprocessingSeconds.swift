/// Where the time of making a model's input went, by the clock of the calling thread.
public struct PreprocessingSeconds: Sendable, Equatable {
    /// From the file's bytes to pixels.
    public var decode = 0.0
    /// From pixels to the model's size, turning and conversion to RGB included.
    public var resample = 0.0

    /// No time yet.
    public init() {}

    /// Runs `body` and adds its time to one of the two.
    static func measure<Value, Failure: Error>(
        _ total: inout Double, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let start = ContinuousClock.now
        defer { total += (ContinuousClock.now - start) / .seconds(1) }
        return try body()
    }
}
