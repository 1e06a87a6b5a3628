import ByteFormats
import Foundation
import Kernels

extension DualEncoder {
    /// The weights' file in a model folder; tensor names are parameter paths.
    public static let weightsFileName = "weights.safetensors"
    /// The description's file in a model folder.
    public static let descriptionFileName = "model.json"

    /// Writes weights, then description, into `directory`, which is made when missing; each file is replaced atomically.
    ///
    /// The bytes are a function of the model. Other files of the folder (the tokenizer's) are left alone.
    public func write(toDirectory directory: String) throws {
        do {
            try Folder.create(directory)
            try SafetensorsFile.write(
                path: directory + "/" + Self.weightsFileName,
                tensors: architecture.layout.entries.map { [parameters] entry in
                    SafetensorsTensor(name: entry.name, element: .float32, shape: entry.shape) { file in
                        try parameters.withSpan(of: entry.range) { try unsafe file.write($0.bytes) }
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

    /// Reads a model folder and checks it: every parameter present with its shape, no other tensor, all weights finite.
    public convenience init(directory: String) throws(EncodersError) {
        let descriptionPath = directory + "/" + Self.descriptionFileName
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: descriptionPath))
        } catch {
            throw EncodersError(
                .fileAccess, "could not be read; is this a model folder?", at: descriptionPath, cause: error)
        }
        let configuration: DualEncoderConfiguration
        do {
            configuration = try DualEncoderConfiguration(jsonData: data)
        } catch {
            throw EncodersError(error.code, error.message, at: descriptionPath, cause: error.cause)
        }
        let architecture = try DualEncoderArchitecture(configuration)
        let parameters = try architecture.layout.read(path: directory + "/" + Self.weightsFileName)
        try self.init(architecture: architecture, owned: parameters)
    }
}

extension ParameterLayout {
    /// A flat buffer filled from a safetensors file that holds exactly these parameters, as floats of any width.
    func read(path: String) throws(EncodersError) -> FloatBuffer {
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            throw EncodersError(
                .fileAccess, "the weights could not be read; copy or train the model again", at: path, cause: error)
        }
        let problems = problems(in: file.header)
        guard problems.isEmpty else {
            let shown = problems.prefix(8).joined(separator: "; ")
            throw EncodersError(
                .weightMismatch,
                "\(shown)\(problems.count > 8 ? "; and \(problems.count - 8) more" : ""): weights and model.json are of different models",
                at: path)
        }
        let parameters = FloatBuffer(count: totalCount)
        for entry in entries {
            do {
                try parameters.withMutableSpan(of: entry.range) { try file.copyFloats(of: entry.name, into: &$0) }
            } catch {
                throw EncodersError(
                    .fileAccess, "tensor '\(entry.name)' could not be read as floats", at: path, cause: error)
            }
        }
        return parameters
    }

    /// Missing, unknown and misshapen tensors.
    private func problems(in header: SafetensorsHeader) -> [String] {
        var found: [String] = []
        for entry in entries {
            guard let tensor = header[entry.name] else {
                found.append("'\(entry.name)' is missing")
                continue
            }
            if tensor.shape != entry.shape {
                found.append("'\(entry.name)' has shape \(tensor.shape), must be \(entry.shape)")
            }
        }
        for tensor in header.entries where self[tensor.name] == nil {
            found.append("'\(tensor.name)' is not a parameter of this model")
        }
        return found
    }
}
