/// The counts of a run, which agree at every moment: found = samples + quarantined.
///
/// There is no way to count something found without saying what became of it.
public struct Accounting: Sendable, Equatable, Codable {
    /// Samples that came through.
    public private(set) var sampleCount: Int
    /// Samples recorded as failed.
    public private(set) var quarantinedCount: Int

    /// Nothing found yet.
    public init() {
        sampleCount = 0
        quarantinedCount = 0
    }

    /// Takes over stored counts.
    ///
    /// - Throws: `PipelineError` (`brokenAccounting`) when a count is negative or they do not add up.
    public init(found: Int, samples: Int, quarantined: Int, place: String? = nil) throws(PipelineError) {
        let (sum, overflow) = samples.addingReportingOverflow(quarantined)
        guard samples >= 0, quarantined >= 0, !overflow, sum == found else {
            throw PipelineError(
                .brokenAccounting,
                "found \(found) is not samples \(samples) + quarantined \(quarantined); run the stage again",
                place: place)
        }
        sampleCount = samples
        quarantinedCount = quarantined
    }

    /// Everything that was found.
    public var foundCount: Int { sampleCount + quarantinedCount }

    /// The share of found samples that failed, 0 to 1; 0 when nothing was found.
    public var quarantinedShare: Double {
        foundCount == 0 ? 0 : Double(quarantinedCount) / Double(foundCount)
    }

    /// Counts samples that came through.
    public mutating func recordSamples(_ count: Int = 1) {
        precondition(count >= 0, "Accounting.recordSamples: count is \(count)")
        sampleCount += count
    }

    /// Counts samples recorded as failed.
    public mutating func recordQuarantined(_ count: Int = 1) {
        precondition(count >= 0, "Accounting.recordQuarantined: count is \(count)")
        quarantinedCount += count
    }

    /// The counts of two parts of a run together.
    public static func + (left: Accounting, right: Accounting) -> Accounting {
        var sum = left
        sum.sampleCount += right.sampleCount
        sum.quarantinedCount += right.quarantinedCount
        return sum
    }

    /// Adds the counts of another part.
    public static func += (left: inout Accounting, right: Accounting) {
        left = left + right
    }
}
