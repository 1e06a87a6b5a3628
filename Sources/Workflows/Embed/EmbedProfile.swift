import Foundation
import Imaging
import Kernels
import PipelineEngine

/// Where the threads' time went, and what the towers computed in it.
struct EmbedProfile: Sendable {
    /// A part of the way from a shard to vectors.
    enum Step: String, CaseIterable, Sendable {
        case read, decode, resample, tokenize
        case imageTower = "image tower"
        case textTower = "text tower"
        case write
    }

    /// Seconds by step, of all threads together.
    private(set) var seconds: [Step: Double] = [:]
    /// Of the image tower.
    var imageOperations = OperationCount()
    /// Of the text tower.
    var textOperations = OperationCount()

    /// Both towers.
    var operations: OperationCount { imageOperations + textOperations }

    mutating func add(_ step: Step, _ time: Double) { seconds[step, default: 0] += time }

    mutating func add(_ time: PreprocessingSeconds) {
        add(.decode, time.decode)
        add(.resample, time.resample)
    }

    /// Runs `body` and adds its time.
    mutating func measure<Value>(_ step: Step, _ body: () throws -> Value) rethrows -> Value {
        let start = ProgressReporter.monotonicSeconds()
        defer { add(step, ProgressReporter.monotonicSeconds() - start) }
        return try body()
    }

    static func += (left: inout EmbedProfile, right: EmbedProfile) {
        for (step, time) in right.seconds { left.add(step, time) }
        left.imageOperations += right.imageOperations
        left.textOperations += right.textOperations
    }

    /// The share, 0 to 1, of what the machine could have computed in `wall` seconds.
    func shareOfPeak(_ peak: MatrixProductPeak, wall: Double) -> Double {
        wall > 0 ? peak.seconds(for: operations) / wall : 0
    }

    /// The share, 0 to 1, of what the threads could have computed in the time they were in the towers.
    func shareOfTowerPeak(_ peak: MatrixProductPeak, threads: Int) -> Double {
        let time = (seconds[.imageTower] ?? 0) + (seconds[.textTower] ?? 0)
        return time > 0 ? peak.seconds(for: operations) * Double(threads) / time : 0
    }

    /// Puts the measurements into a run's record.
    func record(into record: inout RunRecord, peak: MatrixProductPeak?, wall: Double) {
        for step in Step.allCases {
            guard let time = seconds[step] else { continue }
            record.stages.append(.init(name: step.rawValue, seconds: time))
        }
        record.values["imageGigaoperations"] = Double(imageOperations.total) * 1e-9
        record.values["textGigaoperations"] = Double(textOperations.total) * 1e-9
        guard let peak else { return }
        record.values["peakGflops"] = peak.float * 1e-9
        record.values["peakIntegerGops"] = peak.integer * 1e-9
        record.values["shareOfPeak"] = shareOfPeak(peak, wall: wall)
    }

    /// The table for people.
    ///
    /// - Parameters:
    ///   - wall: seconds of the run.
    ///   - threads: those that computed.
    func table(wall: Double, threads: Int, peak: MatrixProductPeak?) -> String {
        func cells(_ name: String, _ time: Double, _ note: String = "") -> String {
            let share = 100 * time / (wall * Double(threads))
            let line = String(
                format: "  %@ %9.2f s %9.2f s %6.1f %%",
                name.padding(toLength: 12, withPad: " ", startingAt: 0), time, time / Double(threads), share)
            return note.isEmpty ? line : line + "  " + note
        }
        var lines = ["  step          all threads    per core   share"]
        var busy = 0.0
        for step in Step.allCases where step != .write {
            let time = seconds[step] ?? 0
            guard time > 0 else { continue }
            busy += time
            let operations =
                switch step {
                case .imageTower: imageOperations
                case .textTower: textOperations
                default: OperationCount()
                }
            lines.append(cells(step.rawValue, time, rate(operations, seconds: time / Double(threads), peak)))
        }
        lines.append(cells("waiting", max(0, wall * Double(threads) - busy)))
        lines.append(cells("write", seconds[.write] ?? 0, "beside the others, on a thread of its own"))
        if let peak {
            let float = ProgressReporter.rate(peak.float * 1e-9)
            let integer = ProgressReporter.rate(peak.integer * 1e-9)
            let share = Int((100 * shareOfPeak(peak, wall: wall)).rounded())
            lines.append(
                "  matrix products of this machine: \(float) Gflop/s, in 8-bit integers \(integer) Gop/s; "
                    + "the whole run reached \(share) % of that")
        }
        return lines.joined(separator: "\n")
    }

    private func rate(_ operations: OperationCount, seconds: Double, _ peak: MatrixProductPeak?) -> String {
        guard operations.total > 0, seconds > 0 else { return "" }
        let text = "\(ProgressReporter.rate(Double(operations.total) * 1e-9 / seconds)) Gflop/s"
        guard let peak else { return text }
        return text + ", \(Int((100 * peak.seconds(for: operations) / seconds).rounded())) % of the machine's peak"
    }
}
