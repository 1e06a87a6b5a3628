import ByteFormats
import Encoders
import Imaging
import PipelineEngine
import SampleCatalog
import Shards
import Tokenization
import Training
import VectorIndex

/// How an error ends a command: its exit status after sysexits(3) and its text.
public struct CommandFailure: Sendable {
    /// The process's exit status.
    public let exitStatus: Int32
    /// What to tell the user.
    public let message: String

    /// Takes an error of any module; nil for errors of others, such as the argument parser's.
    public init?(_ error: any Error) {
        let code: WorkflowError.Code
        switch error {
        case let error as WorkflowError: code = error.code
        case let error as CatalogError: code = Self.code(of: error)
        case let error as ShardError: code = Self.code(of: error)
        case let error as ByteFormatError: code = Self.code(of: error)
        case let error as VectorIndexError: code = Self.code(of: error)
        case let error as EncodersError: code = error.code == .fileAccess ? .noInput : .badData
        case is ImagingError, is TokenizationError, is TrainingError, is PipelineError: code = .badData
        case is CancellationError: code = .interrupted
        default: return nil
        }
        exitStatus = code.exitStatus
        message = error is CancellationError ? "stopped; the same command goes on where it was" : "\(error)"
    }

    private static func code(of error: CatalogError) -> WorkflowError.Code {
        switch error.code {
        case .missing: .noInput
        case .unknownName, .filterInvalid: .usage
        case .tooNew, .inconsistent: .badData
        default: .inputOutput
        }
    }

    private static func code(of error: ShardError) -> WorkflowError.Code {
        switch error.code {
        case .sourceMissing, .fileMissing: .noInput
        case .patternInvalid: .usage
        case .inputOutput: .inputOutput
        default: .badData
        }
    }

    private static func code(of error: ByteFormatError) -> WorkflowError.Code {
        switch error.code {
        case .busy: .tryAgain
        case .notFound: .noInput
        case .inputOutput: .inputOutput
        default: .badData
        }
    }

    private static func code(of error: VectorIndexError) -> WorkflowError.Code {
        switch error.code {
        case .busy: .tryAgain
        case .notFound, .spaceMismatch: .usage
        default: .badData
        }
    }
}
