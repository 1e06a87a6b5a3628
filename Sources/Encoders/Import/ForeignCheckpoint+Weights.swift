import ByteFormats
import Kernels

/// What becomes of a checkpoint's tensors.
public struct ImportReport: Sendable {
    /// Tensors that become parameters.
    public let tensorCount: Int
    /// Element types of the tensors, as safetensors names them, sorted.
    public let elementTypes: [String]
    /// Tensors that do not take part in an embedding.
    public let ignoredTensors: [String]
    /// Tensors taken although their shape differs from the table's, each with what is done.
    public let reshapedTensors: [String]
    /// Tensors nothing is known about; empty unless they were allowed.
    public let unusedTensors: [String]
}

/// A foreign model as one of ours, and what became of its tensors, whose properties it lends.
@dynamicMemberLookup
public struct ImportedModel: Sendable {
    /// The model.
    public let encoder: DualEncoder
    /// What became of the tensors.
    public let report: ImportReport

    /// A property of the report.
    public subscript<Value>(dynamicMember path: KeyPath<ImportReport, Value>) -> Value { report[keyPath: path] }
}

extension ForeignCheckpoint {
    /// Matches all tensors with parameters without reading a weight.
    ///
    /// Every missing, misshapen and unused tensor is reported together. A missing or misshapen one is always refused, an unused
    /// one unless `allowsUnusedTensors`: it usually means that the model computes something more.
    public func report(allowsUnusedTensors: Bool = false) throws(EncodersError) -> ImportReport {
        try report(of: plan(DualEncoderArchitecture(configuration)), allowsUnusedTensors: allowsUnusedTensors)
    }

    /// Takes all weights, F32, F16, BF16 or F64, mapped where they are as needed; refuses what `report(allowsUnusedTensors:)` refuses, and
    /// weights that are not finite.
    public func importModel(allowsUnusedTensors: Bool = false) throws(EncodersError) -> ImportedModel {
        let architecture = try DualEncoderArchitecture(configuration)
        let plan = plan(architecture)
        let report = try report(of: plan, allowsUnusedTensors: allowsUnusedTensors)
        let weights = try plan.map(.all)
        return ImportedModel(
            encoder: DualEncoder(architecture: architecture, checked: weights, towers: .all), report: report)
    }

    /// The model folder's description.
    public var description: ModelDescription { ModelDescription(configuration: configuration, storage: storage) }

    /// How many parts `checkFinite(part:)` divides the weights into: about one per tensor.
    public var partCount: Int { tensors.names.count }

    /// Reads the floats of one part and throws `nonFiniteWeight` when one is infinite or NaN.
    ///
    /// For an import, which copies weights without looking at them otherwise; parts may be checked on several threads.
    public func checkFinite(part: Int) throws(EncodersError) {
        guard let place = tensors[tensors.names[part]] else { return }
        let isFinite: Bool
        do {
            isFinite = try place.isFinite()
        } catch {
            throw EncodersError(
                .fileAccess, "tensor '\(place.entry.name)' could not be read", at: place.file.path, cause: error)
        }
        guard isFinite else {
            throw EncodersError(
                .nonFiniteWeight, "holds infinite or NaN weights; training diverged or the file is damaged",
                at: place.entry.name)
        }
    }

    private func plan(_ architecture: DualEncoderArchitecture) -> WeightPlan {
        WeightPlan(
            tensors, rows: storage.naming.rows(configuration), architecture,
            interpolation: storage.positionInterpolation)
    }

    private func report(of plan: WeightPlan, allowsUnusedTensors: Bool) throws(EncodersError) -> ImportReport {
        let unused = plan.otherTensors.filter { !storage.naming.isIgnored($0) }
        var problems = plan.problems
        if !allowsUnusedTensors {
            problems += unused.map { "'\($0)' is not used by this architecture" }
        }
        try plan.check(
            problems,
            "weights and description are of different models, or of one this build does not compute", at: directory)
        return ImportReport(
            tensorCount: plan.steps.count, elementTypes: Set(plan.steps.map(\.place.entry.element.rawValue)).sorted(),
            ignoredTensors: plan.otherTensors.filter(storage.naming.isIgnored),
            reshapedTensors: plan.reshapedTensors, unusedTensors: unused)
    }
}
