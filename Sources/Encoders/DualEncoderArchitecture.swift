import Kernels
import Tensors

/// A configuration turned into parameter places and layers: what training and inference share.
public struct DualEncoderArchitecture: Sendable {
    /// The description this was made from.
    public let configuration: DualEncoderConfiguration
    /// All parameters of both towers, the logit scale and, if there is one, the logit bias, in one flat buffer.
    public let layout: ParameterLayout
    /// Where the logit scale (a logarithm) lies in the flat buffer.
    public let logitScaleOffset: Int
    /// Where the logit bias lies in the flat buffer; nil where the model has none.
    public let logitBiasOffset: Int?

    let imageTower: ImageTower
    let textTower: TextTowerLayers
    let workspaces: TapeWorkspacePool
    let pixelNormalization: PixelNormalization
    private let initialisations: [ParameterInitialisation]

    /// Lays out the parameters of `configuration`; throws nothing today, since a configuration is valid once made.
    public init(_ configuration: DualEncoderConfiguration) throws(EncodersError) {
        self.configuration = configuration
        var declaration = ParameterDeclaration()
        imageTower = declaration.imageTower(configuration)
        textTower = declaration.textTower(configuration)
        logitScaleOffset =
            declaration.declare("logitScale", [], decayed: false, .constant(configuration.initialLogitScale)).offset
        logitBiasOffset = configuration.initialLogitBias.map {
            declaration.declare("logitBias", [], decayed: false, .constant($0)).offset
        }
        layout = declaration.layout
        initialisations = declaration.initialisations
        workspaces = TapeWorkspacePool()
        pixelNormalization = PixelNormalization(
            mean: configuration.preprocessing.mean, std: configuration.preprocessing.std)
    }

    /// Fresh parameters; the same for the same seed, each parameter drawn from its own stream of (seed, path).
    public func initialParameters(seed: UInt64) -> FloatBuffer {
        let parameters = FloatBuffer(count: layout.totalCount)
        for (entry, initialisation) in zip(layout.entries, initialisations) {
            var stream = ParameterStream(seed: seed, name: entry.name)
            parameters.write(stream.values(initialisation, count: entry.count), at: entry.offset)
        }
        return parameters
    }
}
