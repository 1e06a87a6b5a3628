import ByteFormats
import Foundation
import Kernels

extension DualEncoder {
    /// The weights' file in the folder of a model of our own; tensor names are parameter paths.
    public static let weightsFileName = "weights.safetensors"
    /// The description's file in a model folder.
    public static let descriptionFileName = "model.json"

    /// Writes weights, then description, into `directory`, which is made when missing; each file is replaced atomically.
    ///
    /// The bytes are a function of the model. Other files of the folder (the tokenizer's) are left alone. Traps when a tower is
    /// not there.
    public func write(toDirectory directory: String) throws {
        precondition(towers == .all, "only a whole model can be written")
        do {
            try Folder.create(directory)
            try SafetensorsFile.write(
                path: directory + "/" + Self.weightsFileName,
                tensors: architecture.layout.entries.map { [weights] entry in
                    SafetensorsTensor(name: entry.name, element: .float32, shape: entry.shape) { file in
                        try weights.write(entry.range, to: &file)
                    }
                })
            try AtomicFile.write(
                path: directory + "/" + Self.descriptionFileName, bytes: Array(configuration.jsonData()))
        } catch {
            throw EncodersError(
                .fileAccess, "the model could not be written; check the folder and the free space", at: directory,
                cause: error)
        }
    }

    /// Opens a model folder, of our own or imported, and checks it: every parameter present with its shape, no other tensor, all
    /// weights of the towers finite.
    ///
    /// Matrices that are stored in our arrangement, in F32, F16 or BF16, stay where they are in the mapped file, which must not be cut
    /// short while the encoder lives (a model that is imported again is another file); F16 and BF16 are widened where they are used, with
    /// the same result in every bit. Other tensors are converted into memory.
    ///
    /// - Parameters:
    ///   - directory: The folder.
    ///   - towers: What is read: the other tower takes neither time nor memory, and its calls trap.
    ///   - precision: What products are computed in; `int8` quantises the weights now, into a quarter of their size.
    public convenience init(
        directory: String, towers: EncoderTowers = .all, precision: Precision = .fp32
    ) throws(EncodersError) {
        let description = try ModelDescription(directory: directory)
        let architecture = try DualEncoderArchitecture(description.configuration)
        let plan = try description.plan(directory: directory, architecture)
        self.init(
            architecture: architecture, checked: try plan.map(towers), towers: towers, precision: precision)
    }
}

extension ModelDescription {
    /// The tensors of a model folder matched with their parameters; throws when one is missing, unknown or misshapen.
    func plan(directory: String, _ architecture: DualEncoderArchitecture) throws(EncodersError) -> WeightPlan {
        let reason = "weights and model.json are of different models"
        guard let storage else {
            let tensors = try ForeignTensors(folder: directory, fileName: DualEncoder.weightsFileName)
            let rows = architecture.layout.entries.map { ForeignNaming.Row($0.name, from: $0.name) }
            let plan = WeightPlan(tensors, rows: rows, architecture, interpolation: nil)
            try plan.check(
                plan.problems + plan.otherTensors.map { "'\($0)' is not a parameter of this model" }, reason,
                at: directory + "/" + DualEncoder.weightsFileName)
            return plan
        }
        let tensors = try ForeignTensors(folder: directory, fileNames: storage.fileNames)
        let plan = WeightPlan(
            tensors, rows: storage.naming.rows(configuration), architecture,
            interpolation: storage.positionInterpolation)
        // What import left unused on request stays unused.
        try plan.check(plan.problems, reason, at: directory)
        return plan
    }
}
