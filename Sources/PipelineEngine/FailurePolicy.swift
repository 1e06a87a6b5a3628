/// What one bad sample does to a run.
///
///     let policy = FailurePolicy.default
///     accounting.recordQuarantined()
///     try policy.check(accounting)       // during the run, after each failure
///     try policy.checkFinal(accounting)  // at its end
public struct FailurePolicy: Sendable, Equatable {
    private enum Kind: Sendable, Equatable {
        case stop, skipAndRecord
        case stopPast(Double)
    }

    /// A share is not judged during the run before this many samples were found: the first few say little.
    public static let minimumFoundCount = 200

    private let kind: Kind

    /// The first bad sample ends the run.
    public static let stop = FailurePolicy(kind: .stop)

    /// Bad samples are recorded, however many there are.
    public static let skipAndRecord = FailurePolicy(kind: .skipAndRecord)

    /// Bad samples are recorded until they are more than `share` (0 to 1) of those found.
    public static func stopPast(_ share: Double) -> FailurePolicy {
        precondition((0...1).contains(share), "FailurePolicy.stopPast: share must be 0 to 1, it is \(share)")
        return FailurePolicy(kind: .stopPast(share))
    }

    /// Stops past one half.
    public static let `default` = stopPast(0.5)

    /// Throws when the run should not go on.
    ///
    /// - Throws: `PipelineError` (`tooManyFailures`).
    public func check(_ accounting: Accounting) throws(PipelineError) {
        if case .stopPast = kind, accounting.foundCount < Self.minimumFoundCount { return }
        try checkFinal(accounting)
    }

    /// Throws when a run that has ended was not good enough; judges a share however few were found.
    ///
    /// - Throws: `PipelineError` (`tooManyFailures`).
    public func checkFinal(_ accounting: Accounting) throws(PipelineError) {
        switch kind {
        case .skipAndRecord:
            return
        case .stop:
            guard accounting.quarantinedCount > 0 else { return }
            throw PipelineError(
                .tooManyFailures, "a sample failed and the policy is to stop; see the quarantine for its reason")
        case .stopPast(let share):
            guard Double(accounting.quarantinedCount) > share * Double(accounting.foundCount) else { return }
            throw PipelineError(
                .tooManyFailures,
                """
                \(accounting.quarantinedCount) of \(accounting.foundCount) samples failed, more than the allowed share \
                of \(share); see the quarantine for the reasons, or allow a larger share
                """)
        }
    }
}
