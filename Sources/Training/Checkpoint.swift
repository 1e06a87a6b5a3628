import ByteFormats
import Encoders
import FoundationEssentials
import Kernels

/// What a checkpoint states beside its tensors; stored as JSON under `Checkpoint.metadataKey`.
struct CheckpointState: Codable, Equatable {
    static let formatVersion = "0.1"

    var formatVersion = CheckpointState.formatVersion
    /// Steps done.
    var step: Int
    /// The epoch of the next step, and the position in its order at which the loader goes on.
    var epoch: Int
    var loaderPosition: Int
    /// Seed and settings; all random streams are derived from the seed and the loader position.
    var recipe: TrainingRecipe
    var modelFingerprint: String
    var dataFingerprint: String
    var lastLoss: Double?
    var best: TrainingEvaluation?
    var bestStep: Int?
}

/// Checkpoints of one run: safetensors files that are whole or not there, the newest two of them kept.
///
/// The bytes are a function of the training state alone. Tensors are `parameters/NAME`, `firstMoment/NAME` and
/// `secondMoment/NAME` for every parameter, in Float32.
struct CheckpointStore {
    static let metadataKey = "vlmpipe.training"
    private static let prefix = "checkpoint-"
    private static let suffix = ".safetensors"
    private static let keptCount = 2
    private static let writtenFloatCount = 1 << 20

    let folder: String

    /// Steps of the checkpoints that are there, ascending.
    func steps() throws -> [Int] {
        guard Folder.exists(folder) else { return [] }
        return try Folder.names(in: folder).compactMap { name in
            guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix) else { return nil }
            return Int(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count))
        }.sorted()
    }

    func path(step: Int) -> String {
        let digits = String(step)
        return folder + "/" + Self.prefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
            + Self.suffix
    }

    /// Writes a checkpoint, then removes old ones.
    func write(
        _ state: CheckpointState, layout: ParameterLayout, update: ParameterUpdate, isScheduled: (Int) -> Bool
    ) throws {
        try Folder.create(folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let metadata = String(decoding: try encoder.encode(state), as: UTF8.self)
        var tensors: [SafetensorsTensor] = []
        for (kind, buffer) in Self.buffers(update) {
            for entry in layout.entries {
                tensors.append(
                    SafetensorsTensor(name: "\(kind)/\(entry.name)", element: .float32, shape: entry.shape) { writer in
                        for start in stride(from: 0, to: entry.count, by: Self.writtenFloatCount) {
                            let first = entry.offset + start
                            let range = first..<first + min(Self.writtenFloatCount, entry.count - start)
                            let floats = buffer.array(range)
                            // Floats are plain bytes; the machine is little-endian, as the format asks.
                            unsafe try writer.write(floats.span.bytes)
                        }
                    })
            }
        }
        try SafetensorsFile.write(
            path: path(step: state.step), tensors: tensors, metadata: [Self.metadataKey: metadata])
        try removeOld(isScheduled: isScheduled)
    }

    /// Removes what the newest checkpoint has made superfluous; a killed process may have left it.
    ///
    /// Steps for which `isScheduled` holds are kept up to two; one written because of a stop goes once it is passed, so
    /// that a run that was stopped ends with the same files as one that was not.
    func removeOld(isScheduled: (Int) -> Bool) throws {
        let steps = try steps()
        guard let newest = steps.last else { return }
        let kept = Set(steps.filter { isScheduled($0) }.suffix(Self.keptCount)).union([newest])
        for step in steps where !kept.contains(step) { try Folder.removeFile(path(step: step)) }
        for name in try Folder.names(in: folder) where name.hasPrefix(Self.prefix) && name.hasSuffix(".tmp") {
            try Folder.removeFile(folder + "/" + name)
        }
        try Folder.synchronize(folder)
    }

    /// Reads the newest checkpoint into `update`; nil when there is none.
    ///
    /// - Throws: `TrainingError` (`unusableCheckpoint`) when it is damaged or of another model, recipe or data set.
    func restoreNewest(
        expecting expected: CheckpointState, layout: ParameterLayout, update: ParameterUpdate
    ) throws -> CheckpointState? {
        guard let step = try steps().last else { return nil }
        let path = path(step: step)
        let file: SafetensorsFile
        let state: CheckpointState
        do {
            file = try SafetensorsFile(path: path)
            state = try JSONDecoder().decode(
                CheckpointState.self, from: Data((file.header.metadata[Self.metadataKey] ?? "").utf8))
        } catch {
            throw TrainingError(
                .unusableCheckpoint,
                "the checkpoint cannot be read; remove it to go on from the one before it, or start a new run",
                place: path, cause: error)
        }
        try Self.check(state, against: expected, step: step, path: path)
        do {
            for (kind, buffer) in Self.buffers(update) {
                for entry in layout.entries {
                    try buffer.write(file.floats(of: "\(kind)/\(entry.name)"), at: entry.offset)
                }
            }
        } catch {
            throw TrainingError(
                .unusableCheckpoint, "the checkpoint lacks tensors of this model; start a new run", place: path,
                cause: error)
        }
        return state
    }

    private static func check(
        _ state: CheckpointState, against expected: CheckpointState, step: Int, path: String
    ) throws {
        var differences: [String] = []
        if state.formatVersion != expected.formatVersion {
            differences.append("format \(state.formatVersion), this build writes \(expected.formatVersion)")
        }
        if state.recipe != expected.recipe {
            differences.append(contentsOf: try Self.differences(state.recipe, expected.recipe))
        }
        if state.modelFingerprint != expected.modelFingerprint { differences.append("another model configuration") }
        if state.dataFingerprint != expected.dataFingerprint {
            differences.append("other data, tokenizer or preprocessing")
        }
        if state.step != step { differences.append("step \(state.step) under the name of step \(step)") }
        guard differences.isEmpty else {
            throw TrainingError(
                .unusableCheckpoint,
                """
                the run in this folder cannot be resumed with these settings (\(differences.joined(separator: "; "))); \
                give the settings it was started with, or start a new run
                """, place: path)
        }
    }

    /// `key: old → new` for every setting that differs.
    private static func differences(_ old: TrainingRecipe, _ new: TrainingRecipe) throws -> [String] {
        let encoder = JSONEncoder()
        let old = try JSONDecoder().decode([String: Double].self, from: encoder.encode(old))
        let new = try JSONDecoder().decode([String: Double].self, from: encoder.encode(new))
        func text(_ value: Double?) -> String {
            guard let value else { return "not set" }
            return value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
        }
        return Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }
            .map { "\($0): was \(text(old[$0])), is \(text(new[$0]))" }
    }

    private static func buffers(_ update: ParameterUpdate) -> [(String, FloatBuffer)] {
        [
            ("parameters", update.parameters), ("firstMoment", update.firstMoment),
            ("secondMoment", update.secondMoment),
        ]
    }
}
