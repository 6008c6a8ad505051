from .data.image_files import read_image as read_image
from .data.image_files import write_image as write_image
from .data.resize import imresize_bicubic as imresize_bicubic
from .distillation.affinity import affinity_row as affinity_row
from .distillation.affinity import spatial_affinity_loss as spatial_affinity_loss
from .distillation.loss import DistillationLoss as DistillationLoss
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.metrics import psnr_y as psnr_y
from .evaluation.metrics import ssim_y as ssim_y
from .inference.upscale import upscale as upscale
from .models.factory import create_model as create_model
from .models.factory import list_architectures as list_architectures
from .runs.config import TrainConfig as TrainConfig
from .runs.references import load_model as load_model
from .training.trainer import resume_training as resume_training
from .training.trainer import train as train

__version__: str
